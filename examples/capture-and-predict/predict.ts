/** The application with Tuneloop: the same messages go to the deployment, and the model that serves gets them alone. */
import { jsonlSink } from '@tuneloop/app/capture';
import { createPredictor } from '@tuneloop/app/predict';
import OpenAI from 'openai';
import { LOG, MODEL, promptOf, readInbox } from './application.ts';

const sink = jsonlSink(LOG);
const triage = createPredictor({
  deployment: 'capture-and-predict',
  home: process.env.TUNELOOP_HOME ?? '.tuneloop',
  // Not a client of `capture`: the predictor logs each call itself, with the original prompt.
  client: new OpenAI(),
  fallback: { model: MODEL },
  sink,
});

for (const message of readInbox(Number(process.argv[2] ?? 10))) {
  // The whole prompt, so that the original model can answer where no model serves yet. A model that serves gets the message
  // without the instructions.
  const { label, text, answeredBy, model, usage } = await triage.predict(promptOf(message));
  console.log(`${label ?? text} (${answeredBy}, ${model}, ${usage?.promptTokens ?? '?'} prompt tokens)`);
}

triage.close();
await sink.close();
