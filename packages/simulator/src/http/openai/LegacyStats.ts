/** What `/api/v0` adds to OpenAI's format: timings, model and runtime facts (contract B). */
import type { ModelOnDisk } from "../../state/Catalogue.ts"
import type { Completed } from "../../model/Generation.ts"
import { tokensPerSecond } from "../../model/Generation.ts"
import type { Instance } from "../../state/LmStudioState.ts"

export const of = (served: { readonly onDisk: ModelOnDisk; readonly instance: Instance }, completed: Completed) => ({
  stats: {
    tokens_per_second: tokensPerSecond(completed),
    time_to_first_token: completed.secondsToFirstToken,
    generation_time: Math.max(0, completed.seconds - completed.secondsToFirstToken),
    stop_reason: completed.stopReason
  },
  model_info: {
    arch: served.onDisk.architecture,
    quant: served.onDisk.quantization.name,
    format: served.onDisk.format,
    context_length: served.instance.contextLength
  },
  runtime:
    served.onDisk.format === "mlx"
      ? { name: "mlx-llm-mac-arm64-apple-metal-advsimd", version: "1.4.0", supported_formats: ["mlx"] }
      : { name: "llama.cpp-linux-x86_64-avx2", version: "2.14.0", supported_formats: ["gguf"] }
})
