/**
 * Models that are known to make tool calls, by a source for each, as of the date of this table. What is not known is not here.
 * Pure.
 */
import * as Schema from "effect/Schema"

export const Recommendation = Schema.Struct({
  /** What `models get` takes. */
  model: Schema.String,
  /** Bytes of the file. */
  sizeBytes: Schema.Number,
  why: Schema.String,
  source: Schema.String
})
export type Recommendation = typeof Recommendation.Type

export const asOf = "2026-11-29"

const docs = "https://lmstudio.ai/docs/app/api/tools"
const native = "LM Studio lists it among the models with native tool use."

/** The largest first. */
export const all: ReadonlyArray<Recommendation> = [
  {
    model: "https://huggingface.co/lmstudio-community/Meta-Llama-3.1-8B-Instruct-GGUF",
    sizeBytes: 4_920_000_000,
    why: native,
    source: docs
  },
  {
    model: "https://huggingface.co/lmstudio-community/Qwen2.5-7B-Instruct-GGUF",
    sizeBytes: 4_680_000_000,
    why: native,
    source: docs
  },
  {
    model: "https://huggingface.co/bartowski/Ministral-8B-Instruct-2410-GGUF",
    sizeBytes: 4_670_000_000,
    why: native,
    source: docs
  },
  {
    model: "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    sizeBytes: 1_117_320_768,
    why: "50 of 72 tasks with tools done, in bound steps, on llama.cpp.",
    source: "docs/real-models.md"
  }
]

/** Those that leave the machine enough memory for everything else. */
export const within = (memory: number): ReadonlyArray<Recommendation> =>
  all.filter(({ sizeBytes }) => sizeBytes * inMemory <= memory * share)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The weights with a context beside them. */
const inMemory = 1.2
const share = 0.6
