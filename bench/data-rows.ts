import { randomShares } from '@tuneloop/app/internal/shared/random';

export interface DataRowsOptions {
  rows: number;
  /** Share of the rows that are near duplicates of an earlier one. */
  nearShare?: number;
  /** Different prompts that the rows come from, in turns by chance; 1 to 3. */
  promptVersions?: number;
  seed: number;
}

/** A line of a production log, as it would be written to a file. */
export interface ProductionRow {
  id: string;
  timestamp: string;
  messages: { role: 'system' | 'user'; content: string }[];
  completion: string;
  actual?: string;
  usage: { prompt_tokens: number; completion_tokens: number };
  model: string;
  latency_ms: number;
}

export interface DataRow {
  row: ProductionRow;
  /** The variable part of the prompt. */
  input: string;
  /** The row that this one was made from, and that row's input; itself if it was made from none. */
  original: number;
  originalInput: string;
}

/**
 * Made-up calls of a help desk that sorts messages of about 150 bytes into 20 classes. A row depends on seed and number alone, so that
 * nothing is remembered, however many there are. Near duplicates get one to nine edits: from one that nobody sees to some that leave little
 * in common, so that their similarity has to be computed.
 */
export function* dataRows({ rows, nearShare = 0.1, promptVersions = 3, seed }: DataRowsOptions): Iterable<DataRow> {
  const prompts = PROMPTS.slice(0, promptVersions);
  for (let number = 0; number < rows; number += 1) {
    const original = originalOf(number, nearShare, seed);
    const { text, topic } = messageOf(original, seed);
    const random = randomOf(number, seed, 'row');
    const input = original === number ? text : edited(text, random);
    const right = TOPICS[topic]?.label ?? '';
    const said = random() < 0.93 ? right : pick(TOPICS, random).label;
    const messages = pick(prompts, random)(input);
    const letters = messages.reduce((sum, { content }) => sum + content.length, 0);
    yield {
      row: {
        id: `call-${seed}-${number}`,
        timestamp: new Date(START + number * 2_000 + Math.floor(random() * 2_000)).toISOString(),
        messages,
        completion: said,
        ...(random() < 0.3 ? { actual: right } : {}),
        usage: { prompt_tokens: Math.ceil(letters / 4.4), completion_tokens: 2 },
        model: 'gpt-4.1',
        latency_ms: Math.round(300 + 900 * random() ** 3),
      },
      input,
      original,
      originalInput: text,
    };
  }
}

const START = Date.UTC(2026, 0, 5);

function originalOf(number: number, nearShare: number, seed: number): number {
  for (let each = number; ; ) {
    const random = randomOf(each, seed, 'origin');
    if (each === 0 || random() >= nearShare) return each;
    each = Math.floor(random() * each);
  }
}

function messageOf(number: number, seed: number): { text: string; topic: number } {
  const random = randomOf(number, seed, 'text');
  const topic = Math.floor(random() * TOPICS.length);
  const { things = [], troubles = [] } = TOPICS[topic] ?? {};
  const length = 85 + random() * 65;
  let text = pick(troubles, random)(pick(things, random), random);
  while (text.length < length) text += ` ${pick(SENTENCES, random)(pick(things, random), random)}`;
  return { text, topic };
}

type Random = () => number;

const STREAMS = { origin: 0x51ed_270b, text: 0x2545_f491, row: 0x1b87_3593 };

/** A source of its own for each row and purpose. */
function randomOf(number: number, seed: number, stream: keyof typeof STREAMS): Random {
  let state = Math.imul(number + 1, 0x9e37_79b1) ^ Math.imul(seed + 1, 0x85eb_ca6b) ^ STREAMS[stream];
  state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d);
  return randomShares(state ^ (state >>> 13));
}

function pick<T>(values: readonly T[], random: Random): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

function edited(text: string, random: Random): string {
  let result = text;
  // Few edits are more frequent than many.
  for (let edits = 1 + Math.floor(9 * random() ** 3); edits > 0; edits -= 1)
    result = pick(EDITS, random)(result, random);
  return result;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

const EDITS: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => replaced(text, random, 1, ''),
  (text, random) => replaced(text, random, 1, pick([...LETTERS], random)),
  (text, random) => replaced(text, random, 0, pick([...LETTERS], random)),
  (text, random) => text.replace(/\d+/g, () => String(Math.floor(random() * 1000))),
  (text, random) => (random() < 0.5 ? text.toUpperCase() : text.toLowerCase()),
  (text, random) => text.replaceAll(' ', random() < 0.5 ? '  ' : '\n'),
  (text, random) => `${pick(['Hi,', 'Hello!', 'Dear all,', 'Good day.', 'Hey'], random)} ${text}`,
  (text, random) => `${text} ${pick(['Thanks!', 'Please help.', 'Regards', 'Cheers', 'Thank you'], random)}`,
  (text, random) => atWords(text, random, (a, b) => [b, a]),
  (text, random) => atWords(text, random, (a) => [a]),
  (text, random) => atWords(text, random, (a) => [a, pick(ADJECTIVES, random)]),
];

function replaced(text: string, random: Random, length: number, by: string): string {
  const position = Math.floor(random() * text.length);
  return text.slice(0, position) + by + text.slice(position + length);
}

/** Replaces two neighbouring words by others. */
function atWords(text: string, random: Random, change: (a: string, b: string) => string[]): string {
  const words = text.split(' ');
  const position = Math.floor(random() * (words.length - 1));
  const [a = '', b = ''] = words.slice(position);
  words.splice(position, 2, ...change(a, b));
  return words.join(' ');
}

const list = (words: string) => words.split(/\s+/).filter((word) => word !== '');

const ADJECTIVES = list(`
  amber ancient blue bright broken bulky busy cheap chrome clean clumsy coarse crooked damp dark dusty early empty faded
  faulty flat foggy fragile frozen giant glossy golden green grey heavy hollow huge humid indoor jagged khaki large leaky
  light loose loud lucky modern muddy narrow navy new noisy odd old orange outdoor pale plain purple quick quiet rapid rare
  rigid rusty scarlet shabby sharp shiny short silent silver simple slim sloppy small smooth soft solid spare square steep
  sticky stiff sturdy tall thick thin tiny tough velvet violet warm weak white wide wild wooden yellow young`);
const PEOPLE = list(`
  accountant assistant aunt boss brother builder butcher caretaker cleaner client colleague cousin customer daughter dentist
  driver flatmate florist friend gardener grandmother guest husband intern janitor landlord lawyer manager mechanic mother
  nephew neighbour nurse painter partner plumber pupil receptionist secretary sister son supplier tailor teacher tenant
  trainer uncle visitor waiter wife`);
const PLACES = list(`
  airport attic balcony bakery barn basement bridge cabin cafeteria castle cellar church cinema clinic corridor cottage
  factory farm garage garden gym hallway harbour hospital hostel hotel island kitchen laboratory library lobby lounge market
  mountain museum office orchard park pharmacy playground pool porch quarry restaurant river roof school shed shop stable
  stadium station studio suburb terrace theatre tower tunnel university village warehouse workshop`);
const VERBS = list(`
  adjusted avoided borrowed bought carried changed checked cleaned collected compared copied counted covered described
  dropped emptied examined exchanged filled folded found handled hid inspected kept lent lifted loaded locked lost measured
  mentioned missed moved noticed opened ordered packed painted parked photographed picked pressed printed pulled pushed
  recorded removed repaired returned reviewed rinsed saved scanned sealed shook shortened sold sorted stored swapped switched
  tested tied traced traded turned unpacked unplugged updated used washed weighed wrapped`);
const DAYS = list(`
  Monday Tuesday Wednesday Thursday Friday Saturday Sunday yesterday January February March April May June July August
  September October November December Easter Christmas midsummer`);
const SYLLABLES = list(`
  ba bel bor bri cal cor da del dor dru el fa fen fi gal gor gra ha hel hor il jo jun ka kel ko kra la lem lin lor ma mel
  mi mon na nel no nor ol or pa pel pi qua ra rel ri ron sa sel si sto ta tel ti tor tra ul va vel vi vor wa wel wi xan ya
  yor za zel zi zor`);

function name(random: Random): string {
  const letters = Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(SYLLABLES, random)).join('');
  return letters.charAt(0).toUpperCase() + letters.slice(1);
}

const number = (random: Random, most = 1000) => String(1 + Math.floor(random() * most));

type Sentence = (thing: string, random: Random) => string;

/** Words beside the trouble; they say little about the class. */
const SENTENCES: readonly Sentence[] = [
  (thing, r) =>
    `My ${pick(PEOPLE, r)} ${pick(VERBS, r)} the ${pick(ADJECTIVES, r)} ${thing} near the ${pick(PLACES, r)}.`,
  (_, r) => `Since ${pick(DAYS, r)} nobody from ${name(r)} has ${pick(VERBS, r)} it, not even my ${pick(PEOPLE, r)}.`,
  (_, r) => `It stands in the ${pick(PLACES, r)} beside a ${pick(ADJECTIVES, r)} ${name(r)}, number ${number(r)}.`,
  (thing, r) => `${name(r)} ${pick(VERBS, r)} another ${thing} on ${pick(DAYS, r)} and it was ${pick(ADJECTIVES, r)}.`,
  (_, r) =>
    `We are ${number(r, 90)} people at the ${pick(PLACES, r)} and our ${pick(PEOPLE, r)} is ${pick(ADJECTIVES, r)}.`,
  (_, r) => `Could ${name(r)} write to ${name(r)} ${name(r)} before ${pick(DAYS, r)}?`,
  (thing, r) => `The ${pick(ADJECTIVES, r)} one, model ${name(r)} ${number(r)}, came with a ${thing}.`,
  (_, r) =>
    `I have ${pick(VERBS, r)} and ${pick(VERBS, r)} everything in our ${pick(ADJECTIVES, r)} ${pick(PLACES, r)}.`,
  (_, r) =>
    `Your ${pick(PEOPLE, r)} ${name(r)} ${pick(VERBS, r)} a ${pick(ADJECTIVES, r)} note about this in ${pick(DAYS, r)}.`,
  (_, r) => `Reference ${name(r).toUpperCase()}-${number(r, 99_999)}, ${name(r)} street ${number(r, 200)}.`,
];

interface Topic {
  label: string;
  things: readonly string[];
  troubles: readonly Sentence[];
}

const topic = (label: string, things: string, ...troubles: Sentence[]): Topic => ({
  label,
  things: list(things),
  troubles,
});

const TOPICS: readonly Topic[] = [
  topic(
    'invoice',
    'invoice receipt statement bill surcharge discount voucher total balance instalment',
    (thing, r) => `The ${thing} of ${pick(DAYS, r)} is ${number(r)} too high.`,
    (thing, r) => `Why does ${name(r)} charge me for a ${thing} twice?`,
  ),
  topic(
    'refund',
    'refund deposit repayment credit transfer cheque reimbursement guarantee',
    (thing, r) => `I still wait for the ${thing} of ${number(r)} that ${name(r)} promised.`,
    (thing, r) => `Please pay back the ${thing} to my ${pick(PEOPLE, r)}.`,
  ),
  topic(
    'delivery',
    'parcel package crate pallet envelope container shipment basket',
    (thing, r) => `The ${thing} has not come to the ${pick(PLACES, r)}.`,
    (thing, r) => `Where is my ${pick(ADJECTIVES, r)} ${thing}?`,
  ),
  topic(
    'damage',
    'screen handle lid frame wheel hinge shelf lamp vase cushion',
    (thing, r) => `A ${pick(ADJECTIVES, r)} ${thing} arrived cracked on ${pick(DAYS, r)}.`,
    (thing, r) => `The ${thing} fell apart when my ${pick(PEOPLE, r)} touched it.`,
  ),
  topic(
    'login',
    'password account username code profile session badge token',
    (thing, r) => `I cannot sign in with my ${thing} at the ${pick(PLACES, r)}.`,
    (thing, r) => `${name(r)} says that my ${thing} is unknown.`,
  ),
  topic(
    'cancel',
    'contract subscription membership plan agreement renewal policy',
    (thing, r) => `I want to end the ${thing} by ${pick(DAYS, r)}.`,
    (thing, r) => `Please stop my ${pick(ADJECTIVES, r)} ${thing} with ${name(r)}.`,
  ),
  topic(
    'upgrade',
    'tier option extension bundle allowance storage seat licence',
    (thing, r) => `How do I get ${number(r, 50)} more of the ${thing}?`,
    (thing, r) => `Our ${pick(PEOPLE, r)} needs a larger ${thing}.`,
  ),
  topic(
    'warranty',
    'warranty certificate claim coverage stamp serial proof',
    (thing, r) => `Does the ${thing} of my ${name(r)} ${number(r)} still hold?`,
    (thing, r) => `The ${pick(PLACES, r)} refuses the ${thing}.`,
  ),
  topic(
    'repair',
    'motor pump valve battery switch cable filter belt fan heater',
    (thing, r) => `The ${thing} makes a ${pick(ADJECTIVES, r)} sound.`,
    (thing, r) => `When does a technician look at the ${thing} in my ${pick(PLACES, r)}?`,
  ),
  topic(
    'appointment',
    'appointment visit slot booking reservation consultation viewing',
    (thing, r) => `Can we move the ${thing} to ${pick(DAYS, r)}?`,
    (thing, r) => `My ${pick(PEOPLE, r)} missed the ${thing} at the ${pick(PLACES, r)}.`,
  ),
  topic(
    'address',
    'address street postcode doorbell mailbox flat entrance',
    (thing, r) => `We have moved: the new ${thing} is ${name(r)} ${number(r, 200)}.`,
    (thing, r) => `Please correct the ${thing} of my ${pick(PEOPLE, r)}.`,
  ),
  topic(
    'stock',
    'chair table sofa lantern kettle blanket ladder bucket drawer mirror',
    (thing, r) => `When will the ${pick(ADJECTIVES, r)} ${thing} be in stock again?`,
    (thing, r) => `Do you have ${number(r, 40)} of the ${thing} at the ${pick(PLACES, r)}?`,
  ),
  topic(
    'manual',
    'manual guide diagram leaflet instruction drawing tutorial',
    (thing, r) => `I have lost the ${thing} for model ${name(r)} ${number(r)}.`,
    (thing, r) => `The ${thing} is hard to read for my ${pick(PEOPLE, r)}.`,
  ),
  topic(
    'network',
    'router antenna modem signal connection gateway repeater socket',
    (thing, r) => `The ${thing} in the ${pick(PLACES, r)} drops every ${number(r, 60)} minutes.`,
    (thing, r) => `No ${thing} since ${pick(DAYS, r)}.`,
  ),
  topic(
    'app',
    'app widget page menu button notification calendar icon',
    (thing, r) => `The ${thing} closes when I open ${name(r)}.`,
    (thing, r) => `After the update the ${thing} is ${pick(ADJECTIVES, r)}.`,
  ),
  topic(
    'complaint',
    'clerk operator courier hotline counter chatbot representative',
    (thing, r) => `Your ${thing} was rude to my ${pick(PEOPLE, r)}.`,
    (thing, r) => `I waited ${number(r, 300)} minutes for the ${thing}.`,
  ),
  topic(
    'praise',
    'service team crew advice present surprise support',
    (thing, r) => `What a lovely ${thing} in the ${pick(PLACES, r)}!`,
    (thing, r) => `My ${pick(PEOPLE, r)} thanks ${name(r)} for the ${thing}.`,
  ),
  topic(
    'privacy',
    'data photo recording newsletter consent file fingerprint',
    (thing, r) => `Delete every ${thing} that ${name(r)} has of me.`,
    (thing, r) => `Who has seen the ${thing} of my ${pick(PEOPLE, r)}?`,
  ),
  topic(
    'security',
    'alarm key lock camera gate guard intruder siren',
    (thing, r) => `Somebody has opened the ${thing} of the ${pick(PLACES, r)}.`,
    (thing, r) => `The ${pick(ADJECTIVES, r)} ${thing} went off on ${pick(DAYS, r)}.`,
  ),
  topic(
    'job',
    'application interview vacancy internship salary resume apprenticeship',
    (thing, r) => `I ask about the ${thing} at the ${pick(PLACES, r)}.`,
    (thing, r) => `Is the ${thing} as ${pick(PEOPLE, r)} with ${name(r)} still open?`,
  ),
];

const LABELS = TOPICS.map(({ label }) => label).join(', ');

const PROMPTS: readonly ((input: string) => ProductionRow['messages'])[] = [
  (input) => [
    {
      role: 'system',
      content:
        'You sort the messages that reach the help desk of a furniture and household company. Read the message and name ' +
        'the one class that fits best. Write the class in small letters, and nothing else: no reason, no full stop. ' +
        `The classes are: ${LABELS}. If two of them fit, take the one that the customer asks about last.`,
    },
    { role: 'user', content: input },
  ],
  (input) => [
    {
      role: 'system',
      content: `You are a careful clerk. You know these classes and no others: ${LABELS}. You answer with one of them.`,
    },
    {
      role: 'user',
      content:
        'Below is what a customer has written to us. It may be angry, short, or about several things at once; what counts ' +
        `is what we would have to do first.\n\n### Message\n${input}\n\n### Class\n`,
    },
  ],
  (input) => [
    {
      role: 'user',
      content:
        `Task: routing of incoming mail (revision 3).\nAllowed answers: ${LABELS}.\nRules:\n1. One word, as it is in the ` +
        'list.\n2. Greetings and thanks do not count.\n3. A message about money that was paid too much is a refund; one ' +
        `about money that is still asked for is an invoice.\n\nMail: """${input}"""\n\nAnswer:`,
    },
  ],
];
