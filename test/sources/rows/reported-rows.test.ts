import { answerIssue } from '../../../src/data/rows/answer-issue.ts';
import { parseLogRow } from '../../../src/sources/log-row.ts';
import { issueOfReason } from '../../../src/sources/rows/ended-badly.ts';
import { readTimestamp, TimestampFormat } from '../../../src/sources/timestamp.ts';

/* Rows in forms that users of these tools have reported; each rule names the public page. The rows are invented. */

const messages = [{ role: 'user', content: 'Where is my parcel?' }];
const read = (row: object, options = {}) => parseLogRow({ messages, ...row }, { file: 'a.jsonl', line: 1 }, options);
const chunk = (delta: object, finish: string | null = null) => ({
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const events = (...values: object[]) =>
  `${values.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n`;

describe('an answer is taken out of its packaging', () => {
  test.each<[string, string, unknown]>([
    [
      'the print of a response in Python',
      'https://github.com/openai/openai-python',
      "ChatCompletion(id='c', choices=[Choice(finish_reason='stop', index=0, message=ChatCompletionMessage(content='shipping', refusal=None, role='assistant', tool_calls=None))], usage=None)",
    ],
    [
      'the print of a message of LangChain',
      'https://python.langchain.com/docs/concepts/messages',
      "content='shipping' additional_kwargs={} response_metadata={'finish_reason': 'stop'} id='run-1'",
    ],
    [
      'the print of a dictionary in Python',
      'https://docs.python.org/3/library/functions.html#repr',
      "{'role': 'assistant', 'content': 'shipping', 'tool_calls': None}",
    ],
    [
      'a response as text',
      'https://platform.openai.com/docs/api-reference/chat/object',
      JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'shipping' }, finish_reason: 'stop' }] }),
    ],
    [
      'events of Anthropic',
      'https://docs.anthropic.com/en/docs/build-with-claude/streaming',
      `event: message_start\n${events({ type: 'message_start', message: {} }, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'ship' } }, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'ping' } }, { type: 'message_delta', delta: { stop_reason: 'end_turn' } })}`,
    ],
    [
      'events of the Responses API',
      'https://platform.openai.com/docs/api-reference/responses-streaming',
      events(
        { type: 'response.output_text.delta', delta: 'ship' },
        { type: 'response.output_text.delta', delta: 'ping' },
      ),
    ],
    [
      'a response of Ollama',
      'https://github.com/ollama/ollama/blob/main/docs/api.md',
      { model: 'm', message: { role: 'assistant', content: 'shipping' }, done: true, done_reason: 'stop' },
    ],
    [
      'a response of Bedrock',
      'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html',
      { output: { message: { role: 'assistant', content: [{ text: 'shipping' }] } }, stopReason: 'end_turn' },
    ],
    [
      'thinking parts of Anthropic',
      'https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking',
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm.' },
          { type: 'text', text: 'shipping' },
        ],
      },
    ],
    [
      'reasoning whose opening tag is in the template',
      'https://github.com/vllm-project/vllm/issues/13125',
      'It is about a parcel.\n</think>\n\nshipping',
    ],
    [
      'a message of ShareGPT',
      'https://github.com/hiyouga/LlamaFactory/blob/main/data/README.md',
      { from: 'gpt', value: 'shipping' },
    ],
  ])('%s (%s)', (_name, _page, completion) => {
    const parsed = read({ completion });
    expect(parsed).toMatchObject({ row: { completion: 'shipping' } });
    expect(parsed).not.toHaveProperty('row.flaw');
  });

  test.each<[string, string, unknown, string]>([
    ['reasoning that was cut off', 'https://github.com/huggingface/trl/issues/2919', '<think>It is about', 'cut-off'],
    [
      'events that end with their limit',
      'https://github.com/BerriAI/litellm/issues/6633',
      events(chunk({ content: 'ship' }), chunk({}, 'length')),
      'cut-off',
    ],
    [
      'an event that was torn',
      'https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/597',
      `data: ${JSON.stringify(chunk({ content: 'ship' }))}\n\ndata: {"object": "chat.comp`,
      'cut-off',
    ],
    [
      'events that call a tool',
      'https://github.com/BerriAI/litellm/issues/6633',
      events(chunk({ tool_calls: [{ index: 0 }] })),
      'tool-call',
    ],
    [
      'an error as text',
      'https://github.com/openai/openai-python',
      '{"error": {"message": "busy", "type": "server_error"}}',
      'api-error',
    ],
    [
      'a refusal of the Responses API',
      'https://platform.openai.com/docs/api-reference/responses/object',
      [{ type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }],
      'refusal',
    ],
    [
      'a print that cannot be read',
      'https://github.com/openai/openai-python',
      "ChatCompletion(id='c', choices=<generator>)",
      'unreadable-answer',
    ],
  ])('%s (%s) is none to learn from', (_name, _page, completion, flaw) => {
    expect(read({ completion })).toMatchObject({ row: { flaw } });
  });

  test('JSON that is the answer stays byte for byte', () => {
    const completion = '{ "label":  "shipping" }';
    expect(read({ completion })).toMatchObject({ row: { completion }, issues: [] });
  });

  test('a tag in the middle of an answer is text', () => {
    const completion = 'Write <b>think</b> and <think> as tags.';
    expect(read({ completion })).toMatchObject({ row: { completion }, issues: [] });
  });
});

describe('a log says in many words that an answer is none to learn from', () => {
  // Vercel AI SDK, Gemini, Mistral, Bedrock, Anthropic, vLLM: https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text and others
  test.each([
    'length',
    'max_tokens',
    'MAX_TOKENS',
    'FinishReason.MAX_TOKENS',
    'content-filter',
    'model_length',
    'model_context_window_exceeded',
    'SAFETY',
    'RECITATION',
    'guardrail_intervened',
    'max_output_tokens',
  ])('the reason %s is a cut', (reason) => {
    expect(issueOfReason(reason)).toBe('cut-off');
  });

  test.each(['stop', 'STOP', 'end_turn', 'stop_sequence', 'eos', 'completed', 'success', 'COMPLETE', '', 'unknown'])(
    'the reason %j is none',
    (reason) => {
      expect(issueOfReason(reason)).toBeUndefined();
    },
  );

  test.each<[object, string]>([
    [{ finishReason: 'length' }, 'cut-off'],
    [{ status: 'failed' }, 'api-error'],
    [{ error: 'RateLimitError' }, 'api-error'],
    [{ status_code: 429 }, 'api-error'],
    [{ success: false }, 'api-error'],
    [{ done: false }, 'cut-off'],
    [{ weight: 0 }, 'not-to-learn'],
    [{ feedback: 'thumbs_down' }, 'not-to-learn'],
    [{ feedback: { rating: -1 } }, 'not-to-learn'],
  ])('%j drops the row', (row, flaw) => {
    expect(read({ completion: 'shipping', ...row })).toMatchObject({ row: { flaw } });
  });

  test.each<object>([
    { status: 'completed' },
    { error: null },
    { error: {} },
    { status_code: 200 },
    { weight: 1 },
    { feedback: 'thumbs_up' },
    { level: 'DEFAULT' },
  ])('%j does not', (row) => {
    expect(read({ completion: 'shipping', ...row })).not.toHaveProperty('row.flaw');
  });

  // https://github.com/BerriAI/litellm/issues/4605 and the exceptions of the clients
  test.each([
    'litellm.Timeout: APITimeoutError - Request timed out.',
    'litellm.exceptions.RateLimitError: RateLimitError: busy',
    'google.api_core.exceptions.ResourceExhausted: 429 Quota exceeded',
    'botocore.exceptions.ClientError: An error occurred',
    'An error occurred (ThrottlingException) when calling the Converse operation: busy',
    'Traceback (most recent call last):\n  File "a.py"',
    'TypeError: fetch failed',
    'Error: connect ECONNREFUSED 127.0.0.1:443',
    'Request timed out.',
    "{'error': {'message': 'busy'}}",
  ])('%j is the text of an error', (text) => {
    expect(answerIssue(text)).toBe('api-error');
  });

  test.each([
    'Timeout: the customer waits too long.',
    'Connection error in the order of the parts',
    '{"error": "none"}',
    'google maps: open it',
  ])('%j is an answer', (text) => {
    expect(answerIssue(text)).toBeUndefined();
  });
});

describe('a prompt is whole or refused', () => {
  test.each<[string, object]>([
    ['system', { system: 'Sort it.' }],
    ['system in parts', { system: [{ type: 'text', text: 'Sort it.' }] }],
    ['instructions', { instructions: 'Sort it.' }],
    ['systemInstruction', { systemInstruction: { parts: [{ text: 'Sort it.' }] } }],
  ])('%s belongs to it (https://github.com/traceloop/openllmetry/issues/2187)', (_key, row) => {
    expect(read(row)).toMatchObject({ row: { messages: [{ role: 'system', content: 'Sort it.' }, ...messages] } });
  });

  test.each<[string, unknown]>([
    ['tools', [{ type: 'function', function: { name: 'f' } }]],
    ['context', 'The parcel is in Rotterdam.'],
    ['documents', [{ text: 'Returns take 30 days.' }]],
  ])('%s is refused by name, and passed over where the pipeline says so', (key, value) => {
    expect(read({ [key]: value })).toMatchObject({ refused: 'unread-prompt', detail: expect.stringContaining(key) });
    expect(read({ [key]: value }, { ignore: [key] })).toMatchObject({ row: { messages } });
  });

  test('ids of a trace in the key context are no part of it', () => {
    expect(read({ context: { trace_id: 'ab12', span_id: 'cd34' } })).toMatchObject({ row: { messages }, issues: [] });
  });

  test('a prompt beside an input is refused (https://github.com/tatsu-lab/stanford_alpaca)', () => {
    expect(parseLogRow({ prompt: 'Sort it.', input: 'Hello', output: 'x' }, { line: 1 })).toMatchObject({
      refused: 'unread-prompt',
    });
    expect(parseLogRow({ instruction: 'Sort it.', input: 'Hello', output: 'x' }, { line: 1 })).toMatchObject({
      row: {
        messages: [
          { role: 'system', content: 'Sort it.' },
          { role: 'user', content: 'Hello' },
        ],
        completion: 'x',
      },
    });
  });
});

describe('a time is read or unknown (https://github.com/almarklein/timetagger/issues/276)', () => {
  test.each([
    ['2026-08-01T12:00:00+02:00', '2026-08-01T12:00:00+02:00'],
    ['2026-08-01 12:00:00 UTC', '2026-08-01T12:00:00.000Z'],
    ['Sat, 01 Aug 2026 12:00:00 GMT', '2026-08-01T12:00:00.000Z'],
    ['1770000000', '2026-02-02T02:40:00.000Z'],
    ['1770000000.5', '2026-02-02T02:40:00.500Z'],
    ['01/02/2026 10:00', undefined],
    ['1.2.2026', undefined],
    ['2026', undefined],
    ['12', undefined],
    ['yesterday', undefined],
  ])('%s', (text, time) => {
    expect(readTimestamp(text)).toBe(time);
  });

  test('a format reads its own times alone, and only days of the calendar', () => {
    const format = new TimestampFormat('DD/MM/YYYY HH:mm');
    expect(format.read('01/02/2026 10:00')).toBe('2026-02-01T10:00:00.000Z');
    expect(format.read('31/02/2026 10:00')).toBeUndefined();
    expect(format.read('2026-02-01 10:00')).toBeUndefined();
    expect(new TimestampFormat('MM/DD/YYYY hh:mm A').read('02/01/2026 12:30 AM')).toBe('2026-02-01T00:30:00.000Z');
  });
});
