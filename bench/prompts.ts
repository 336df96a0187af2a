import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import type { Message } from '../packages/app/src/prompt/chat-message.ts';

export type Random = () => number;

/** A prompt as a program would have built it, and the values in it. */
export interface MadePrompt {
  messages: Message[];
  /** The values that change from request to request, in order; examples left out. */
  values: string[];
}

/** Builds a prompt of one version. */
export type PromptForm = (random: Random) => MadePrompt;

/** Kinds of logs. A log is made of forms, each of them one version of a prompt. */
export const PROMPT_LOGS: Record<string, { name: string; forms: PromptForm[] }[]> = {
  'single slot': [
    log('labels to choose from', classification),
    log('extraction in triple quotes', extraction),
    log('chat, bare input', chatBare),
    log('chat, labelled input', chatLabelled),
    log('JSON to answer with', jsonAnswer),
    log('XML tags', xmlDocument),
    log('prose on both sides', proseAround),
    log('an arrow', arrow),
  ],
  'three slots': [
    log('labels', labelledFields),
    log('date and ticket number', datedTicket),
    log('chat, slots in the system message', chatWithSlots),
    log('XML tags', xmlFields),
    log('prose between', passages),
    log('JSON to answer with', jsonFields),
    log('headings', headings),
    log('name and language within sentences', translation),
  ],
  'four versions': [
    log('of different forms', classification, extraction, xmlDocument, jsonAnswer),
    log('of system messages', ...[0, 1, 2, 3].map(chatRevision)),
    log('of one legacy prompt', ...[0, 1, 2, 3].map(legacyRevision)),
    log('legacy and chat', classification, chatLabelled, proseAround, chatBare),
    log('with several slots', labelledFields, passages, chatWithSlots, xmlFields),
    log('after a preamble with a name', ...[0, 1, 2, 3].map(afterPreamble)),
  ],
  'legacy with few-shots': [
    log('labels', constantShots('Message', 'Label')),
    log('questions', constantShots('Q', 'A')),
    log('arrows', constantArrows),
    log('XML tags', constantTags),
    log('chat pairs', constantPairs),
    log('two inputs', constantFields),
  ],
  'few-shots per request': [
    log('labels, 40 in the pool', requestShots('Message', 'Label', 40)),
    log('labels, all different', requestShots('Message', 'Label', Number.POSITIVE_INFINITY)),
    log('questions, 40 in the pool', requestShots('Q', 'A', 40)),
    log('text and summary, all different', requestTexts),
    log('numbered examples', requestNumbered),
    log('XML tags, all different', requestTags),
    log('arrows, 40 in the pool', requestArrows),
    log('chat pairs, 40 in the pool', requestPairs),
    log('none to four examples', requestOptional),
    log('of several lines, with rules between', requestRuled),
    log('heading, bullets, bare input', requestBullets),
    log('two inputs', requestFields),
    log('no blank lines, free answers', requestDense),
    log('JSON lines', requestJson),
  ],
  'inputs like prompts, left whole': [
    log('conversation', conversation('\n')),
    log('conversation with blank lines', conversation('\n\n')),
    log('record of labelled lines', recordInput),
    log('record on one line', recordLine),
    log('JSON', jsonInput),
    log('context and question', contextQuestion),
    log('all begin alike', greeting),
  ],
};

function log(name: string, ...forms: PromptForm[]) {
  return { name, forms };
}

/** Prompts of a log, this many of each version, in turns. */
export function promptsOf(forms: readonly PromptForm[], rows: number, seed: number): MadePrompt[] {
  const random = randomShares(spread(seed));
  return Array.from({ length: rows }, () => forms.map((form) => form(random))).flat();
}

const user = (content: string): Message => ({ role: 'user', content });
const system = (content: string): Message => ({ role: 'system', content });
const answer = (content: string): Message => ({ role: 'assistant', content });

const LABELS = ['rooms', 'payment', 'travel', 'food', 'lost property', 'complaint'];

const INSTRUCTIONS = `You work at the front desk of a chain of mountain inns. Guests write in before, during and after their stay.
Read what the guest has written and decide which of these six teams has to act:
${LABELS.map((label) => `- ${label}`).join('\n')}
If two teams fit, take the one that can finish the matter. Say nothing but the name of the team.`;

function classification(random: Random): MadePrompt {
  const text = anyInput(random);
  return { messages: [user(`${INSTRUCTIONS}\n\nMessage: ${text}\nTeam:`)], values: [text] };
}

function extraction(random: Random): MadePrompt {
  const text = anyInput(random);
  const head = `Find the arrival, the departure and the number of guests in the text below.
Answer with one line for each of them; write "unknown" for what the text does not say.`;
  return { messages: [user(`${head}\n\nText:\n"""\n${text}\n"""\n`)], values: [text] };
}

function chatBare(random: Random): MadePrompt {
  const text = anyInput(random);
  return { messages: [system(INSTRUCTIONS), user(text)], values: [text] };
}

function chatLabelled(random: Random): MadePrompt {
  const text = anyInput(random);
  return { messages: [system(`${INSTRUCTIONS}\nWrite in lower case.`), user(`Guest wrote: ${text}`)], values: [text] };
}

const JSON_FORM = `Turn the request of the guest into JSON of this form:
{
  "rooms": [{"beds": 2, "view": "lake" | "street"}],
  "breakfast": true,
  "notes": "whatever else was asked for"
}
Leave out keys of which nothing is said. Add no text around the JSON.`;

function jsonAnswer(random: Random): MadePrompt {
  const text = anyInput(random);
  return { messages: [user(`${JSON_FORM}\n\nRequest: ${text}\n\nJSON:`)], values: [text] };
}

function xmlDocument(random: Random): MadePrompt {
  const text = anyInput(random);
  const head =
    '<instructions>\nName the mood of the review: glad, angry or neither.\nLook at the whole of it.\n</instructions>';
  return { messages: [user(`${head}\n<review>\n${text}\n</review>\n`)], values: [text] };
}

function proseAround(random: Random): MadePrompt {
  const text = anyInput(random);
  const before = 'Tell me whether the following note of a guest asks for something that costs money: ';
  return { messages: [user(`${before}${text}\n\nAnswer with yes or no, and give no reasons.`)], values: [text] };
}

function arrow(random: Random): MadePrompt {
  const text = sentence(random);
  return { messages: [user(`Say in which language this is written.\n\n${text} ->`)], values: [text] };
}

function labelledFields(random: Random): MadePrompt {
  const values = [product(random), pick(random, ['silver', 'gold', 'none yet', 'platinum plus']), anyInput(random)];
  const [thing, tier, text] = values;
  const fields = `Product: ${thing}\nLoyalty tier: ${tier}\nMessage: ${text}`;
  return { messages: [user(`${INSTRUCTIONS}\n\n${fields}\nTeam:`)], values };
}

function datedTicket(random: Random): MadePrompt {
  const values = [isoDate(random), ticket(random), anyInput(random)];
  const [date, id, text] = values;
  const head = `You sort the tickets of an inn. Today is ${date}.\nTickets about a stay that begins today come first.`;
  return { messages: [user(`${head}\n\nTicket: ${id}\nText: ${text}\n\nIs it urgent?`)], values };
}

function chatWithSlots(random: Random): MadePrompt {
  const values = [name(random), longDate(random), anyInput(random)];
  const [inn, date, text] = values;
  const head = `You are the night porter of ${inn}, a small inn with nine rooms. Today is ${date}. Be brief and kind.
Never promise a room that you have not checked, and never give away the name of another guest.`;
  return { messages: [system(head), user(`The guest says: ${text}`)], values };
}

function xmlFields(random: Random): MadePrompt {
  const values = [product(random), anyInput(random), sentence(random)];
  const [thing, review, question] = values;
  const head = 'Answer the question of the shop with what the review says about the product, in one sentence.';
  const fields = `<product>${thing}</product>\n<review>${review}</review>\n<question>${question}</question>`;
  return { messages: [user(`${head}\n\n${fields}\n\nSentence:`)], values };
}

function passages(random: Random): MadePrompt {
  const values = [
    sentence(random),
    anyInput(random),
    pick(random, ['a child of nine', 'a lawyer', 'somebody in a hurry', name(random)]),
  ];
  const [question, passage, reader] = values;
  const text = `Here is a question that was asked at the front desk.

${question}

Use only the following page of the house rules to answer it, and nothing that you know otherwise.

${passage}

Write the answer so that the reader named here understands it at once.

${reader}

Begin now.`;
  return { messages: [user(text)], values };
}

function jsonFields(random: Random): MadePrompt {
  const values = [name(random), `${1 + Math.floor(random() * 9)} nights`, anyInput(random)];
  const [guest, stay, request] = values;
  return {
    messages: [user(`${JSON_FORM}\n\nGuest: ${guest}\nStay: ${stay}\nRequest: ${request}\n\nJSON:`)],
    values,
  };
}

function headings(random: Random): MadePrompt {
  const values = [name(random), anyInput(random), anyInput(random)];
  const [guest, before, now] = values;
  const head = '# Task\nSay in one line what has changed between the two letters of the same guest.';
  return {
    messages: [
      user(`${head}\n\n## Guest\n${guest}\n\n## First letter\n${before}\n\n## Second letter\n${now}\n\n## Change\n`),
    ],
    values,
  };
}

function translation(random: Random): MadePrompt {
  const values = [name(random), pick(random, ['French', 'Ladin', 'Dutch', 'Polish', 'Czech']), anyInput(random)];
  const [guest, language, text] = values;
  const head = `You help ${guest}, who is staying at our inn. Write the letter below anew, in ${language}. Keep its tone.`;
  return { messages: [user(`${head}\n\nLetter: ${text}`)], values };
}

const CHAT_REVISIONS = [
  'You answer guests of an inn. Name the team that should act: rooms, payment, travel, food or complaint. One word only.',
  'You are a careful assistant at the reception of an inn, and you pass letters on. Choose one of rooms, payment, travel, food, complaint.',
  'Letters of guests come in all languages. Whatever the language, answer in English with the team that the letter is for, and nothing else.',
  `Pass each letter on to a team.\n${LABELS.map((label, index) => `${index + 1}. ${label}`).join('\n')}\nGive the number and the name.`,
];

function chatRevision(index: number): PromptForm {
  return (random) => {
    const text = anyInput(random);
    const label = index % 2 === 0 ? 'Letter: ' : '';
    return { messages: [system(CHAT_REVISIONS[index] ?? ''), user(label + text)], values: [text] };
  };
}

const LEGACY_REVISIONS = [
  ['Sort the letter of a guest.\nName the team that should take care of it, in one word.\n\nLetter: ', '\nTeam:'],
  [
    'Sort the letter of a guest.\nChoose between rooms, payment, travel and food; if none of them fits, choose other.\n\nLetter: ',
    '\nTeam:',
  ],
  [
    'Sort the letter of a guest.\nThink of who can solve the matter, and not of who has caused it. Answer with the team.\n\nText: ',
    '\nAnswer:',
  ],
  [
    'A guest of our inn has written to us. Which of the teams rooms, payment, travel and food should read it?\n\n',
    '\n\nOnly the name of the team:',
  ],
];

function legacyRevision(index: number): PromptForm {
  return (random) => {
    const [before = '', after = ''] = LEGACY_REVISIONS[index] ?? [];
    const text = anyInput(random);
    return { messages: [user(before + text + after)], values: [text] };
  };
}

const TASKS = [
  ['Name the team that should act on the letter, with one word and nothing else.\nLetter: ', ''],
  ['Write down what the guest wants from us, in as few words as you can find.\nMail: ', '\nWish:'],
  ['Tell how the guest feels about the stay so far: glad, angry or neither of them.\n\n', '\n\nMood:'],
  ['Give the letter a title that the desk can find it by later on.\nText: ', '\nTitle:'],
];

function afterPreamble(index: number): PromptForm {
  return (random) => {
    const [before = '', after = ''] = TASKS[index] ?? [];
    const values = [name(random), anyInput(random)];
    const [guest, text] = values;
    const preamble = `You work at the desk of an inn in the mountains. The guest is called ${guest}.`;
    return { messages: [user(`${preamble}\n${before}${text}${after}`)], values };
  };
}

const SHOTS: [string, string][] = [
  ['The shower in 14 is cold since this morning.', 'rooms'],
  ['Which bus goes to the upper lift?', 'travel'],
  ['I paid twice for the second night, see the two receipts.', 'payment'],
  ['Could we have the soup without cream tonight?', 'food'],
];

function constantShots(inputLabel: string, answerLabel: string): PromptForm {
  return (random) => {
    const shots = SHOTS.map(([shot, label]) => `${inputLabel}: ${shot}\n${answerLabel}: ${label}`).join('\n\n');
    const text = anyInput(random);
    const head = 'Name the team that should act, as in these examples.';
    return { messages: [user(`${head}\n\n${shots}\n\n${inputLabel}: ${text}\n${answerLabel}:`)], values: [text] };
  };
}

function constantArrows(random: Random): MadePrompt {
  const text = sentence(random);
  const shots = SHOTS.map(([shot, label]) => `${shot} => ${label}`).join('\n');
  return { messages: [user(`Name the team that should act on the letter.\n\n${shots}\n${text} =>`)], values: [text] };
}

function constantTags(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = SHOTS.map(([shot, label]) => `<example>\n<letter>${shot}</letter>\n<team>${label}</team>\n</example>`);
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}\n\n${shots.join('\n')}\n\n<letter>${text}</letter>\n<team>`)], values: [text] };
}

function constantPairs(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = SHOTS.flatMap(([shot, label]) => [user(`Letter: ${shot}`), answer(label)]);
  return { messages: [system(CHAT_REVISIONS[1] ?? ''), ...shots, user(`Letter: ${text}`)], values: [text] };
}

function constantFields(random: Random): MadePrompt {
  const values = [pick(random, ['silver', 'gold']), anyInput(random)];
  const [tier, text] = values;
  const shots = SHOTS.map(
    ([shot, label], index) => `Tier: ${index % 2 ? 'silver' : 'gold'}\nLetter: ${shot}\nTeam: ${label}`,
  );
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}\n\n${shots.join('\n\n')}\n\nTier: ${tier}\nLetter: ${text}\nTeam:`)], values };
}

/** One to five examples of a pool of this size. */
function someShots(random: Random, pool: number, fewest = 1): [string, string][] {
  const count = fewest + Math.floor(random() * 5);
  return Array.from({ length: count }, () => {
    if (!Number.isFinite(pool)) return [sentence(random), pick(random, LABELS)];
    const each = randomShares(spread(7919 + Math.floor(random() * pool)));
    return [sentence(each), pick(each, LABELS)];
  });
}

function requestShots(inputLabel: string, answerLabel: string, pool: number): PromptForm {
  return (random) => {
    const text = anyInput(random);
    const shots = someShots(random, pool).map(([shot, label]) => `${inputLabel}: ${shot}\n${answerLabel}: ${label}`);
    const head = 'Name the team that should act. Letters that were sorted before may help.';
    return {
      messages: [user(`${head}\n\n${shots.join('\n\n')}\n\n${inputLabel}: ${text}\n${answerLabel}:`)],
      values: [text],
    };
  };
}

function requestTexts(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, Number.POSITIVE_INFINITY).map(
    ([shot]) => `Text: ${shot}\nSummary: ${sentence(random)}`,
  );
  const head = 'Write a summary of the text in one short sentence, in the manner of the ones below.';
  return { messages: [user(`${head}\n\n${shots.join('\n\n')}\n\nText: ${text}\nSummary:`)], values: [text] };
}

function requestNumbered(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, 40).map(
    ([shot, label], index) => `Example ${index + 1}\nLetter: ${shot}\nTeam: ${label}`,
  );
  const head = 'Name the team that should act.';
  return {
    messages: [user(`${head}\n\n${shots.join('\n\n')}\n\nNow do the same for this one.\nLetter: ${text}\nTeam:`)],
    values: [text],
  };
}

function requestTags(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, Number.POSITIVE_INFINITY).map(
    ([shot, label]) => `<example>\n<letter>${shot}</letter>\n<team>${label}</team>\n</example>`,
  );
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}\n\n${shots.join('\n')}\n\n<letter>${text}</letter>\n<team>`)], values: [text] };
}

function requestArrows(random: Random): MadePrompt {
  const text = sentence(random);
  const shots = someShots(random, 40).map(([shot, label]) => `${shot} => ${label}`);
  return {
    messages: [user(`Name the team that should act on the letter.\n\n${shots.join('\n')}\n${text} =>`)],
    values: [text],
  };
}

function requestPairs(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, 40, 3)
    .slice(0, 3)
    .flatMap(([shot, label]) => [user(`Letter: ${shot}`), answer(label)]);
  return { messages: [system(CHAT_REVISIONS[1] ?? ''), ...shots, user(`Letter: ${text}`)], values: [text] };
}

function requestOptional(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, Number.POSITIVE_INFINITY, 0).map(
    ([shot, label]) => `\n\nLetter: ${shot}\nTeam: ${label}`,
  );
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}${shots.join('')}\n\nLetter: ${text}\nTeam:`)], values: [text] };
}

function requestRuled(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, 1000).map(([, label]) => `Letter: ${anyInput(random)}\nTeam: ${label}`);
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}\n###\n${shots.join('\n###\n')}\n###\nLetter: ${text}\nTeam:`)], values: [text] };
}

function requestBullets(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, Number.POSITIVE_INFINITY).map(([shot, label]) => `- ${shot}: ${label}`);
  const head = 'Name the team that should act on the letter.';
  return {
    messages: [user(`${head}\n\nExamples:\n${shots.join('\n')}\n\nNow name the team for this one:\n${text}\n\nTeam:`)],
    values: [text],
  };
}

function requestFields(random: Random): MadePrompt {
  const values = [pick(random, ['silver', 'gold']), anyInput(random)];
  const [tier, text] = values;
  const shots = someShots(random, Number.POSITIVE_INFINITY).map(
    ([shot, label]) => `Tier: ${pick(random, ['silver', 'gold'])}\nLetter: ${shot}\nTeam: ${label}`,
  );
  const head = 'Name the team that should act on the letter.';
  return { messages: [user(`${head}\n\n${shots.join('\n\n')}\n\nTier: ${tier}\nLetter: ${text}\nTeam:`)], values };
}

function requestJson(random: Random): MadePrompt {
  const text = JSON.stringify({ letter: anyInput(random) });
  const shots = someShots(random, 40).map(
    ([letter, team]) => `${JSON.stringify({ letter })}\n${JSON.stringify({ team })}`,
  );
  return { messages: [user(`Name the team as JSON.\n\n${shots.join('\n')}\n${text}\n`)], values: [text] };
}

function conversation(gap: string): PromptForm {
  return (random) => {
    const turns = Array.from({ length: 1 + Math.floor(random() * 3) }, () => [
      `Guest: ${anyInput(random)}`,
      `Desk: ${anyInput(random)}`,
    ]);
    const text = [...turns.flat(), `Guest: ${anyInput(random)}`].join(gap);
    return {
      messages: [user(`Go on with this talk as a kind porter of the inn would.\n\n${text}${gap}Desk:`)],
      values: [text],
    };
  };
}

function recordInput(random: Random): MadePrompt {
  const text = `Title: ${sentence(random)}\nRoom: ${Math.floor(random() * 90)}\nBody: ${anyInput(random)}`;
  return { messages: [system(INSTRUCTIONS), user(text)], values: [text] };
}

function recordLine(random: Random): MadePrompt {
  const text = `tier: ${pick(random, ['gold', 'silver'])} | room: ${Math.floor(random() * 90)} | text: ${sentence(random)}`;
  return { messages: [user(`${INSTRUCTIONS}\n${text}\nTeam:`)], values: [text] };
}

function jsonInput(random: Random): MadePrompt {
  const text = JSON.stringify(
    { room: Math.floor(random() * 90), letter: anyInput(random), from: name(random) },
    null,
    random() < 0.5 ? 2 : 0,
  );
  return { messages: [user(`${INSTRUCTIONS}\n\nLetter: ${text}\nTeam:`)], values: [text] };
}

function contextQuestion(random: Random): MadePrompt {
  const values = [[anyInput(random), anyInput(random), anyInput(random)].join('\n\n'), anyInput(random)];
  const [context, question] = values;
  const head = 'Answer from the context below. If it is not there, say so.';
  return { messages: [user(`${head}\n\nContext:\n${context}\n\nQuestion: ${question}\nAnswer:`)], values };
}

function greeting(random: Random): MadePrompt {
  const text = `Dear inn, ${anyInput(random)}`;
  return { messages: [user(`${INSTRUCTIONS}\n\nMessage: ${text}\nTeam:`)], values: [text] };
}

/** As a conversation would look, of which nothing may be cut: only the pool tells the two apart. */
function requestDense(random: Random): MadePrompt {
  const text = anyInput(random);
  const shots = someShots(random, 400).map(
    ([shot, label]) => `Guest: ${shot}\nDesk: ${label}, because of ${shot.slice(0, 12)}`,
  );
  return { messages: [user(`Answer as the desk does.\n\n${shots.join('\n')}\nGuest: ${text}\nDesk:`)], values: [text] };
}

function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

const WORDS =
  `attic balcony bill blanket boots breakfast bridge bus candle cellar chair child coffee corridor dinner door dog evening
  fence ferry fog garden glass guest heating hill hook hut ice invoice key kettle lake lamp letter lift linen map meadow morning
  mountain night note oven path pillow porch price rain receipt river road roof room rope sauna saddle shelf shower ski sledge
  slope snow soup spoon stable stairs station stove summit table team towel trail train tunnel valley view village wagon wall
  water window winter wood answer message label text team question review`.split(/\s+/);
const STARTS =
  `after although any because before both can could did do every has have how if in is last may my nobody on once our
  please since some that the their there these this today tomorrow until we what when where which who why will with yesterday
  you your Ärger für ñandú où 我们 здравствуйте 🚲`.split(/\s+/);
const VERBS =
  `arrives asks belongs broke burns changed costs disappeared fell forgets hears hides keeps leaks left lost melted needs
  opened paid rattles rings said sees shines slipped smells spilled stayed stinks stops took tells turned waits wants warned was`.split(
    /\s+/,
  );
const NAMES =
  `Adler Birke Colm Dorfkrug Enzian Falke Gams Hirsch Isegrim Jochen Kranich Linde Murmel Nordlicht Otter Pelikan Quelle
  Rabe Steinbock Tanne Uhu Viola Wiesel Zirbe`.split(/\s+/);

/** Inputs of all shapes: short, long, of several lines, with labels, quotes, links, lists and words of the prompts. */
export function anyInput(random: Random): string {
  const shape = random();
  if (shape < 0.1) return pick(random, WORDS);
  if (shape < 0.45) return sentence(random);
  if (shape < 0.6) return Array.from({ length: 2 + Math.floor(random() * 4) }, () => sentence(random)).join(' ');
  if (shape < 0.75) return Array.from({ length: 2 + Math.floor(random() * 4) }, () => sentence(random)).join('\n');
  if (shape < 0.8) return `${sentence(random)}\n\n${sentence(random)}\n\n${name(random)}`;
  if (shape < 0.84) return `Re: ${sentence(random)}`;
  if (shape < 0.88) return `"${sentence(random)}" ${pick(random, VERBS)} ${name(random)}, (${pick(random, WORDS)})`;
  if (shape < 0.92)
    return `${sentence(random)} https://example.com/${pick(random, WORDS)}?q=${Math.floor(random() * 999)}`;
  if (shape < 0.96)
    return Array.from({ length: 3 }, () => `- ${pick(random, WORDS)} ${pick(random, VERBS)}`).join('\n');
  return `${sentence(random)} The message has a label, the answer is ${pick(random, LABELS)}: see "text" and Team.`;
}

function sentence(random: Random): string {
  const words = [pick(random, STARTS)];
  const length = 2 + Math.floor(random() * 12);
  for (let index = 0; index < length; index += 1) words.push(pick(random, index % 3 === 1 ? VERBS : WORDS));
  if (random() < 0.3) words.push(String(Math.floor(random() * 500)));
  return words.join(' ') + pick(random, ['.', '?', '!', '', ' ...', '.']);
}

function name(random: Random): string {
  return `${pick(random, NAMES)}${random() < 0.4 ? ` ${pick(random, NAMES)}` : ''}`;
}

function product(random: Random): string {
  return `${pick(random, WORDS)} ${pick(random, NAMES)} ${Math.floor(random() * 90)}`;
}

function ticket(random: Random): string {
  return `TCK-${10_000 + Math.floor(random() * 90_000)}`;
}

function dateOf(random: Random): Date {
  return new Date(Date.UTC(2026, 0, 1) + Math.floor(random() * 300) * 86_400_000);
}

function isoDate(random: Random): string {
  return dateOf(random).toISOString().slice(0, 10);
}

function longDate(random: Random): string {
  const format = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en-GB', format).format(dateOf(random));
}
