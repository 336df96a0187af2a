import type { Message } from '../packages/app/src/prompt/chat-message.ts';
import { anyInput, type Random } from './prompts.ts';

/** A prompt with the answer that production gave. */
export interface AnsweredForm {
  messages: Message[];
  answer: string;
}

/** A kind of log in which a part of the prompt changes that has the form of instructions, a date, an id or examples. */
export interface DependenceLog {
  name: string;
  task: 'classification' | 'generation';
  /** Whether answers follow from that part. */
  depends: boolean;
  row: (random: Random, index: number) => AnsweredForm;
}

const TOPICS = ['invoice', 'parcel', 'password', 'opening'] as const;
const LABELS = ['money', 'transport', 'access', 'desk'];
const REPLIES = [
  'We check the booking and write to you.',
  'We ask the driver where it is.',
  'Please use the link for a new one.',
  'The desk knows, and will call you.',
];
const REPLIES_IN_GERMAN = [
  'Wir sehen die Buchung nach und melden uns.',
  'Wir fragen den Fahrer, wo es ist.',
  'Bitte nehmen Sie den Link für ein neues.',
  'Der Empfang weiß es und ruft Sie an.',
];

const at = <T>(values: readonly T[], index: number): T => {
  const value = values[index % values.length];
  if (value === undefined) throw new Error('nothing to take');
  return value;
};
const whole = (random: Random, below: number) => Math.floor(random() * below);

function mail(random: Random): { text: string; topic: number } {
  const topic = whole(random, TOPICS.length);
  return { text: `${anyInput(random).replaceAll('\n', ' ')} It is about the ${at(TOPICS, topic)}.`, topic };
}

function dayOf(random: Random): Date {
  return new Date(Date.UTC(2026, 0, 1) + whole(random, 300) * 86_400_000);
}

const iso = (date: Date) => date.toISOString().slice(0, 10);
const chat = (system: string, user: string, answer: string): AnsweredForm => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: user },
  ],
  answer,
});

const DESK = 'You work at the desk of an inn in the mountains and read what guests write.';
const SORT = `${DESK} Name the team that has to act: money, transport, access or desk.`;
const REPLY = `${DESK} Write one friendly sentence as a reply, and promise nothing.`;

function classified(
  name: string,
  depends: boolean,
  frame: (random: Random) => { system: string; change: (topic: number) => string },
): DependenceLog {
  return {
    name,
    task: 'classification',
    depends,
    row(random) {
      const { system, change } = frame(random);
      const { text, topic } = mail(random);
      return chat(system, `Mail: ${text}`, change(topic));
    },
  };
}

function written(
  name: string,
  depends: boolean,
  frame: (random: Random) => { system: string; change: (topic: number) => string },
): DependenceLog {
  return { ...classified(name, depends, frame), task: 'generation' };
}

const label = (topic: number) => at(LABELS, topic);
const reply = (topic: number) => at(REPLIES, topic);

/** Examples before the input, with answers by a rule. */
function shots(random: Random, answerOf: (topic: number) => string): string {
  return Array.from({ length: 2 + whole(random, 3) }, () => {
    const { text, topic } = mail(random);
    return `Mail: ${text}\nTeam: ${answerOf(topic)}`;
  }).join('\n\n');
}

function withShots(name: string, depends: boolean): DependenceLog {
  return {
    name,
    task: 'classification',
    depends,
    row(random) {
      const turned = depends && random() < 0.5;
      const answerOf = (topic: number) => label(turned ? topic + 1 : topic);
      const { text, topic } = mail(random);
      const prompt = `Name the team as the examples do.\n\n${shots(random, answerOf)}\n\nMail: ${text}\nTeam:`;
      return { messages: [{ role: 'user', content: prompt }], answer: answerOf(topic) };
    },
  };
}

const REVISIONS = [
  `${DESK} Choose the team that can finish the matter: money, transport, access or desk. Say only its name.`,
  'Guests of our inn write to us before, during and after their stay. Which team has to act: money, transport, access or desk? One word.',
  'Read the mail of a guest to the end. Then name one of the teams money, transport, access and desk, and give no reason for it.',
];

/** The logs, in pairs where that is possible: with and without a dependence. */
export const DEPENDENCE_LOGS: DependenceLog[] = [
  written('a due date follows from the date', true, (random) => {
    const day = dayOf(random);
    const due = new Date(day.getTime() + (1 + whole(random, 6)) * 86_400_000);
    return { system: `${REPLY} Today is ${iso(day)}.`, change: (topic) => `${reply(topic)} By ${iso(due)}.` };
  }),
  classified('the day of the week decides', true, (random) => {
    const day = dayOf(random);
    const closed = [0, 6].includes(day.getUTCDay());
    return {
      system: `${SORT} Today is ${iso(day)}.`,
      change: (topic) => (closed && topic < 3 ? 'desk' : label(topic)),
    };
  }),
  written('the hour decides the greeting', true, (random) => {
    const hour = whole(random, 24);
    const time = `${iso(dayOf(random))} ${`${hour}`.padStart(2, '0')}:15`;
    return {
      system: `${REPLY} It is ${time}.`,
      change: (topic) => `${hour < 12 ? 'Good morning!' : 'Good evening!'} ${reply(topic)}`,
    };
  }),
  written('the answer names the ticket', true, (random) => {
    const ticket = `TCK-${10_000 + whole(random, 90_000)}`;
    return { system: `${REPLY} The ticket is ${ticket}.`, change: (topic) => `${ticket}: ${reply(topic)}` };
  }),
  written('the id begins with the country', true, (random) => {
    const german = random() < 0.5;
    const id = `${german ? 'DE' : 'UK'}-${10_000 + whole(random, 90_000)}`;
    return {
      system: `${REPLY} The booking is ${id}.`,
      change: (topic) => at(german ? REPLIES_IN_GERMAN : REPLIES, topic),
    };
  }),
  withShots('the examples set the rule', true),
  written('two features: reply and title', true, (random) =>
    random() < 0.5
      ? { system: REPLY, change: reply }
      : {
          system: 'Give the mail a title that the desk can find it by later on.',
          change: (topic) => `About the ${at(TOPICS, topic)}`,
        },
  ),
  written('two languages', true, (random) => {
    const german = random() < 0.4;
    return {
      system: `${DESK} ${german ? 'Reply with one sentence in German, whatever the language of the mail is.' : 'Reply with one sentence in English, and keep to what you know.'}`,
      change: (topic) => at(german ? REPLIES_IN_GERMAN : REPLIES, topic),
    };
  }),
  written('JSON or text', true, (random) =>
    random() < 0.5
      ? { system: REPLY, change: reply }
      : {
          system: 'Answer the guest in JSON with the key reply and nothing around it.',
          change: (topic) => JSON.stringify({ reply: reply(topic) }),
        },
  ),
  written('short or long', true, (random) =>
    random() < 0.5
      ? { system: REPLY, change: reply }
      : {
          system: 'Reply to the guest of our inn at length, in three sentences at least.',
          change: (topic) => `${reply(topic)} Thank you for writing. We hope to see you again soon.`,
        },
  ),
  classified('versions with other rules', true, (random) => {
    const other = random() < 0.5;
    return { system: at(REVISIONS, other ? 1 : 0), change: (topic) => label(other && topic === 0 ? 3 : topic) };
  }),
  classified('versions that turn labels round', true, (random) => {
    const other = random() < 0.5;
    return { system: at(REVISIONS, other ? 1 : 0), change: (topic) => label(other ? topic + 1 : topic) };
  }),
  classified('a date that decides nothing', false, (random) => ({
    system: `${SORT} Today is ${iso(dayOf(random))}.`,
    change: label,
  })),
  written('a date that no answer repeats', false, (random) => ({
    system: `${REPLY} Today is ${iso(dayOf(random))}.`,
    change: reply,
  })),
  classified('a time that decides nothing', false, (random) => ({
    system: `${SORT} It is ${iso(dayOf(random))} ${`${whole(random, 24)}`.padStart(2, '0')}:15.`,
    change: label,
  })),
  classified('a ticket number', false, (random) => ({
    system: `${SORT} The ticket is TCK-${10_000 + whole(random, 90_000)}.`,
    change: label,
  })),
  written('a ticket number that no answer names', false, (random) => ({
    system: `${REPLY} The ticket is TCK-${10_000 + whole(random, 90_000)}.`,
    change: reply,
  })),
  written('a date and a ticket number', false, (random) => ({
    system: `${REPLY} Today is ${iso(dayOf(random))}, and the ticket is TCK-${10_000 + whole(random, 90_000)}.`,
    change: reply,
  })),
  classified('answers that are wrong by chance', false, (random) => ({
    system: `${SORT} Today is ${iso(dayOf(random))}.`,
    change: (topic) => label(random() < 0.3 ? whole(random, 4) : topic),
  })),
  withShots('examples of a constant rule', false),
  classified('two revisions', false, (random) => ({ system: at(REVISIONS, whole(random, 2)), change: label })),
  classified('three revisions', false, (random) => ({ system: at(REVISIONS, whole(random, 3)), change: label })),
  classified('two revisions, answers wrong by chance', false, (random) => ({
    system: at(REVISIONS, whole(random, 2)),
    change: (topic) => label(random() < 0.3 ? whole(random, 4) : topic),
  })),
  written('two revisions of a reply', false, (random) => ({
    system:
      random() < 0.5
        ? REPLY
        : 'A guest has written to our inn. Reply with one kind sentence, and promise nothing that you have not checked.',
    change: (topic) => `${reply(topic)}${random() < 0.5 ? ' Thank you.' : ''}`,
  })),
];
