/** The models on the simulated disk: one record, from which all three API dialects and `lms --json` are rendered. */

import type { ChatTemplate } from "../model/ChatTemplates.ts"
import type { Habit } from "../model/Habits.ts"

/** A downloaded model. `maxContextLength` and `defaultContextLength` are tokens, `sizeBytes` bytes. */
export interface ModelOnDisk {
  /** Types other than the first two are not chat models: they are listed, and chat routes refuse them. */
  readonly type: "llm" | "embedding" | "drafter" | "transcription" | "decision"
  /** The key for loading, for example `qwen/qwen3-4b-2507`. */
  readonly key: string
  readonly publisher: string
  readonly displayName: string
  readonly architecture: string
  readonly path: string
  readonly quantization: { readonly name: string; readonly bits: number }
  readonly format: "gguf" | "mlx"
  readonly sizeBytes: number
  readonly paramsString: string | null
  readonly maxContextLength: number
  /** The context of a load that does not set one: 4096 for GGUF, the maximum for MLX. */
  readonly defaultContextLength: number
  /** Memory per token of context, for the guardrail's estimate. */
  readonly contextBytesPerToken: number
  readonly vision: boolean
  readonly trainedForToolUse: boolean
  readonly description: string | null
  readonly reasoning?: { readonly allowedOptions: ReadonlyArray<string>; readonly defaultOption: string }
  /** The field for the model's thinking on `/v1/chat/completions` when "separate reasoning" is on. */
  readonly reasoningField: "reasoning_content" | "reasoning"
  /** Absent: its chat template accepts everything. */
  readonly template?: ChatTemplate
  /** Absent: it makes its calls by the engine. */
  readonly habit?: Habit
  /** Its engine drops `response_format` without a word. */
  readonly ignoresSchema?: boolean
  /** Whether it truly sees images; absent: as `vision` declares. */
  readonly sees?: boolean
  /** Whether it thinks, whatever `reasoning` declares: always, or unless a request (else its default) says `off`; absent: never. */
  readonly thinks?: "always" | "as-told"
  /** Whether an embedding model truly embeds; absent: it does. */
  readonly embeds?: boolean
  /** Tokens at the end of a message that it takes in, whatever the context; absent: all. */
  readonly remembers?: number
  readonly variants?: ReadonlyArray<string>
  readonly selectedVariant?: string
}

/** Builds a model record with plausible defaults; a test only sets what matters to it. */
export const model = (key: string, overrides: Partial<ModelOnDisk> = {}): ModelOnDisk => {
  const name = key.slice(key.lastIndexOf("/") + 1)
  const format = overrides.format ?? "gguf"
  const maxContextLength = overrides.maxContextLength ?? 32_768
  return {
    type: "llm",
    key,
    publisher: key.includes("/") ? key.slice(0, key.indexOf("/")) : "lmstudio-community",
    displayName: name
      .split("-")
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(" "),
    architecture: name.split(/[-.\d]/)[0] ?? name,
    path: format === "gguf" ? `lmstudio-community/${name}-GGUF/${name}-Q4_K_M.gguf` : `lmstudio-community/${name}-MLX`,
    quantization: format === "gguf" ? { name: "Q4_K_M", bits: 4 } : { name: "4bit", bits: 4 },
    format,
    sizeBytes: 2_497_000_000,
    paramsString: "4B",
    maxContextLength,
    defaultContextLength: format === "gguf" ? Math.min(4096, maxContextLength) : maxContextLength,
    contextBytesPerToken: 73_728,
    vision: false,
    trainedForToolUse: true,
    description: null,
    reasoningField: "reasoning_content",
    ...overrides
  }
}

/**
 * The models on a new simulator's disk: tool users, a vision model, one without tool use, a multi-variant one, an
 * embedder.
 */
export const defaultCatalogue: ReadonlyArray<ModelOnDisk> = [
  model("qwen/qwen3-4b-2507", {
    displayName: "Qwen3 4B Instruct 2507",
    architecture: "qwen3",
    path: "lmstudio-community/Qwen3-4B-Instruct-2507-GGUF/Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
    sizeBytes: 2_497_281_632,
    maxContextLength: 262_144,
    variants: ["qwen/qwen3-4b-2507@q4_k_m"],
    selectedVariant: "qwen/qwen3-4b-2507@q4_k_m"
  }),
  model("openai/gpt-oss-20b", {
    displayName: "gpt-oss 20B",
    architecture: "gpt-oss",
    path: "lmstudio-community/gpt-oss-20b-GGUF/gpt-oss-20b-MXFP4.gguf",
    quantization: { name: "MXFP4", bits: 4 },
    sizeBytes: 12_109_566_560,
    paramsString: "20B",
    maxContextLength: 131_072,
    reasoning: { allowedOptions: ["low", "medium", "high"], defaultOption: "low" },
    reasoningField: "reasoning",
    variants: ["openai/gpt-oss-20b@mxfp4"],
    selectedVariant: "openai/gpt-oss-20b@mxfp4"
  }),
  model("qwen/qwen3-8b", {
    displayName: "Qwen3 8B",
    architecture: "qwen3",
    path: "lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf",
    sizeBytes: 5_027_784_512,
    paramsString: "8B",
    maxContextLength: 40_960,
    reasoning: { allowedOptions: ["off", "on"], defaultOption: "on" },
    variants: ["qwen/qwen3-8b@q4_k_m", "qwen/qwen3-8b@q8_0"],
    selectedVariant: "qwen/qwen3-8b@q4_k_m"
  }),
  model("qwen/qwen3-vl-4b", {
    displayName: "Qwen3 VL 4B",
    architecture: "qwen3_vl",
    format: "mlx",
    path: "lmstudio-community/Qwen3-VL-4B-Instruct-MLX-4bit",
    sizeBytes: 3_120_481_280,
    maxContextLength: 65_536,
    vision: true,
    variants: ["qwen/qwen3-vl-4b@4bit"],
    selectedVariant: "qwen/qwen3-vl-4b@4bit"
  }),
  model("llama-3.2-3b-instruct", {
    publisher: "hugging-quants",
    displayName: "Llama 3.2 3B Instruct",
    architecture: "llama",
    path: "hugging-quants/Llama-3.2-3B-Instruct-Q8_0-GGUF/llama-3.2-3b-instruct-q8_0.gguf",
    quantization: { name: "Q8_0", bits: 8 },
    sizeBytes: 3_421_898_816,
    paramsString: "3B",
    maxContextLength: 131_072,
    trainedForToolUse: false
  }),
  model("text-embedding-nomic-embed-text-v1.5", {
    type: "embedding",
    publisher: "nomic-ai",
    displayName: "Nomic Embed Text v1.5",
    architecture: "nomic-bert",
    path: "nomic-ai/nomic-embed-text-v1.5-GGUF/nomic-embed-text-v1.5.Q4_K_M.gguf",
    sizeBytes: 84_106_624,
    paramsString: null,
    maxContextLength: 2048,
    defaultContextLength: 2048,
    contextBytesPerToken: 4096,
    trainedForToolUse: false
  })
]

/** The models that can be downloaded: the names that `lms get` and the download route know. */
export const defaultDownloadable: ReadonlyArray<ModelOnDisk> = [
  model("google/gemma-3-4b", {
    displayName: "Gemma 3 4B",
    architecture: "gemma3",
    path: "lmstudio-community/gemma-3-4b-it-GGUF/gemma-3-4b-it-Q4_K_M.gguf",
    sizeBytes: 3_341_012_992,
    maxContextLength: 131_072,
    vision: true,
    trainedForToolUse: false
  }),
  model("qwen/qwen3-1.7b", { displayName: "Qwen3 1.7B", sizeBytes: 1_282_439_584, paramsString: "1.7B" })
]
