/** Anything that a server may send where a number, a string or a structure is expected. */
import { FastCheck } from "effect"

/** Numbers that JSON can express: beyond 2^53, beyond a double, negative, fractional. */
const numbers = FastCheck.oneof(
  FastCheck.constantFrom("18446744072635812000", "-1073741819", "1e400", "-0", "0.5", "9007199254740993", "1e-400"),
  FastCheck.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map(String)
)
export const texts = FastCheck.oneof(
  FastCheck.string({ maxLength: 40 }),
  FastCheck.fullUnicodeString({ maxLength: 20 }),
  FastCheck.constantFrom("NaN", "null", "", "\u0000\u001b[31m", "[DONE]", "Infinity", "{", "```")
)
/** The text of any value, where a number, a string or a structure is expected. */
export const values = FastCheck.oneof(
  numbers,
  numbers.map((digits) => `"${digits}"`),
  texts.map((text) => JSON.stringify(text)),
  FastCheck.constantFrom("null", "true", "false", "[]", "{}", "[null]", '{"a":1}', "[[1]]"),
  FastCheck.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value))
)
/** The template with some of its values replaced by any value. */
export const bentFrom = (template: unknown) => {
  const places: Array<string> = []
  const marked = JSON.stringify(template, (_, value: unknown) => {
    if (typeof value === "object" && value !== null) return value
    places.push(JSON.stringify(value))
    return `@${places.length - 1}@`
  })
  return FastCheck.array(FastCheck.option(values, { freq: 2 }), {
    minLength: places.length,
    maxLength: places.length
  }).map((drawn) =>
    marked.replaceAll(/"@(\d+)@"/g, (_, at: string) => drawn[Number(at)] ?? places[Number(at)] ?? "null")
  )
}

/** The texts of the contract with any number, or none, in place of theirs. */
export const sentences = FastCheck.tuple(
  FastCheck.constantFrom(
    "The model has crashed without additional information. (Exit code: %)",
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: %>= n_ctx: %)",
    "request (% tokens) exceeds the available context size (% tokens), try increasing it",
    "Cannot truncate prompt with n_keep (%) >= n_ctx (%)",
    "Trying to keep the first % tokens when context the overflows. context length of only %",
    "Model loading was stopped due to insufficient system resources. this model requires approximately % GB of memory",
    "This model's maximum context length is % tokens",
    "Failed to load model. exitCode=%, signal=%",
    "Loading model %",
    "Estimated Total Memory: % GiB\nEstimate: This model may be loaded",
    "Loading qwen %% ⠙",
    "[####] %% | 1 GB",
    "The server is running on port %"
  ),
  FastCheck.oneof(numbers, texts, FastCheck.constantFrom("NaN", "null"))
).map(([sentence, value]) => sentence.replaceAll("%", value))

export const errors = [
  { error: { message: "m", type: "model_load_failed", code: 503, param: "p", n_prompt_tokens: 5000, n_ctx: 4096 } },
  { error: "m" },
  { message: "m", type: "t", code: "c" }
]

export const pieces = [
  {
    id: "c",
    model: "m",
    choices: [
      {
        index: 0,
        delta: {
          content: "a",
          reasoning_content: "b",
          tool_calls: [{ index: 0, id: "i", function: { name: "n", arguments: "{}" } }]
        },
        finish_reason: "stop"
      }
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 1 } }
  },
  ...errors
]
