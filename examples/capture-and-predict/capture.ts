/** The application before Tuneloop: each message goes to a model behind a long prompt. Two lines write the log of its calls. */
import { capture, jsonlSink } from '@tuneloop/app/capture';
import OpenAI from 'openai';
import { LOG, MODEL, promptOf, readInbox } from './application.ts';

const sink = jsonlSink(LOG);
const openai = capture(new OpenAI(), { sink, metadata: { feature: 'triage' } });

const messages = readInbox(process.argv[2] === undefined ? undefined : Number(process.argv[2]));
for (const message of messages) {
  const completion = await openai.chat.completions.create({
    model: MODEL,
    messages: promptOf(message),
    temperature: 0,
  });
  console.log(completion.choices[0]?.message.content);
  // A real application does this later, when the message is closed and the right team is known.
  sink.recordActual(completion.id, message.team, undefined, 'person:desk');
}

await sink.close();
console.error(`${messages.length} calls are in ${LOG}`);
