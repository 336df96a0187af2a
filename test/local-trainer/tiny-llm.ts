import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * A language model of 17,000 random weights in the files that llama.cpp reads (GGUF version 3), so that serving can be tested for
 * real without a download. It knows the 256 bytes and three special tokens, and writes nonsense.
 */
const WIDTH = 32;
const INNER = 64;
const RANK = 4;
const SPECIAL = ['<|im_start|>', '<|im_end|>', '<|endoftext|>'];
const END = 257;

export const TINY_CONTEXT = 2048;
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Writes a base model; the same seed gives the same one. */
export function writeTinyModel(folder: string, seed = 1): { name: string; gguf: string; folder: string } {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'chat_template.jinja'), CHAT_TEMPLATE);
  const random = randomOf(seed);
  const weights = (name: string, ...shape: number[]) => tensor(name, shape, () => random() * 0.8);
  const ones = (name: string) => tensor(name, [WIDTH], () => 1);
  const tokens = [...byteTokens(), ...SPECIAL];
  const tensors = [
    weights('token_embd.weight', WIDTH, tokens.length),
    ones('output_norm.weight'),
    ones('blk.0.attn_norm.weight'),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => weights(`blk.0.${name}.weight`, WIDTH, WIDTH)),
    ones('blk.0.ffn_norm.weight'),
    weights('blk.0.ffn_gate.weight', WIDTH, INNER),
    weights('blk.0.ffn_up.weight', WIDTH, INNER),
    weights('blk.0.ffn_down.weight', INNER, WIDTH),
  ];
  const gguf = join(folder, 'base.gguf');
  writeFileSync(
    gguf,
    ggufOf(
      [
        text('general.architecture', 'llama'),
        count('llama.block_count', 1),
        count('llama.context_length', TINY_CONTEXT),
        count('llama.embedding_length', WIDTH),
        count('llama.feed_forward_length', INNER),
        count('llama.attention.head_count', 2),
        count('llama.attention.head_count_kv', 2),
        count('llama.rope.dimension_count', WIDTH / 2),
        real('llama.attention.layer_norm_rms_epsilon', 1e-5),
        text('tokenizer.ggml.model', 'gpt2'),
        text('tokenizer.ggml.pre', 'gpt-2'),
        list('tokenizer.ggml.tokens', 8, tokens.map(string)),
        list(
          'tokenizer.ggml.token_type',
          5,
          tokens.map((_, at) => int32(at < 256 ? 1 : 3)),
        ),
        list('tokenizer.ggml.merges', 8, []),
        count('tokenizer.ggml.eos_token_id', END),
      ],
      tensors,
    ),
  );
  return { name: 'tiny', gguf, folder };
}

/** Writes an adapter of the tiny model into a folder, and returns the folder. */
export function writeTinyAdapter(folder: string, seed: number): string {
  mkdirSync(folder, { recursive: true });
  const random = randomOf(seed);
  const weights = (name: string, ...shape: number[]) => tensor(name, shape, () => random() * 4);
  const tensors = [
    weights('blk.0.attn_v.weight.lora_a', WIDTH, RANK),
    weights('blk.0.attn_v.weight.lora_b', RANK, WIDTH),
  ];
  const head = [
    text('general.architecture', 'llama'),
    text('general.type', 'adapter'),
    text('adapter.type', 'lora'),
    real('adapter.lora.alpha', RANK * 2),
  ];
  writeFileSync(join(folder, 'adapter.gguf'), ggufOf(head, tensors));
  return folder;
}

/** As in GPT-2: a byte that is no visible character is written as one from 256 up. */
function byteTokens(): string[] {
  const visible = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(visible(byte) ? byte : next++));
}

function tensor(name: string, shape: readonly number[], value: () => number): Tensor {
  const length = shape.reduce((product, side) => product * side, 1);
  return { name, shape, values: Float32Array.from({ length }, value) };
}

/** From -0.5 to 0.5. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

function ggufOf(head: readonly Buffer[], tensors: readonly Tensor[]): Buffer {
  let offset = 0;
  const infos = tensors.map(({ name, shape, values }) => {
    const info = Buffer.concat([string(name), uint32(shape.length), ...shape.map(uint64), uint32(0), uint64(offset)]);
    offset += aligned(values.byteLength);
    return info;
  });
  const before = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(head.length),
    ...head,
    ...infos,
  ]);
  const data = tensors.map(({ values }) => padded(Buffer.from(values.buffer)));
  return Buffer.concat([padded(before), ...data]);
}

const aligned = (bytes: number) => Math.ceil(bytes / 32) * 32;
const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc(aligned(data.length) - data.length)]);

function number(bytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
}
const uint32 = (value: number) => number(4, (buffer) => buffer.writeUInt32LE(value));
const int32 = (value: number) => number(4, (buffer) => buffer.writeInt32LE(value));
const uint64 = (value: number) => number(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
const string = (value: string) => Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);

const text = (key: string, value: string) => Buffer.concat([string(key), uint32(8), string(value)]);
const count = (key: string, value: number) => Buffer.concat([string(key), uint32(4), uint32(value)]);
const real = (key: string, value: number) =>
  Buffer.concat([string(key), uint32(6), number(4, (buffer) => buffer.writeFloatLE(value))]);
const list = (key: string, type: number, items: readonly Buffer[]) =>
  Buffer.concat([string(key), uint32(9), uint32(type), uint64(items.length), ...items]);
