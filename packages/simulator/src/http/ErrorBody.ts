/** LM Studio's error bodies (contract section 0.5 and C5), each built in one place with the route's own status. */
import { ApiFault } from "./Reply.ts"

/** `{"error": "text"}`: unknown routes, model errors of 0.3.x, and some current refusals. */
export const bare = (status: number, message: string): ApiFault => new ApiFault({ status, body: { error: message } })

/** `{"error": {message, type, param, code}}`: the OpenAI-compatible routes. */
export const openAi = (
  status: number,
  message: string,
  facts: { readonly type?: string; readonly param?: string | null; readonly code?: string | null } = {}
): ApiFault =>
  new ApiFault({
    status,
    body: {
      error: {
        message,
        type: facts.type ?? "invalid_request_error",
        param: facts.param ?? null,
        code: facts.code ?? null
      }
    }
  })

/** An error with status 500 or more is the server's fault, and has the corresponding type. */
export const scriptedType = (fault: {
  readonly type?: string | undefined
  readonly status?: number | undefined
}): { readonly type?: string } =>
  fault.type !== undefined ? { type: fault.type } : (fault.status ?? 400) >= 500 ? { type: "internal_error" } : {}

/** `{"error": {type, message, code?, param?}}`: the native routes. */
export const native = (
  status: number,
  type: string,
  message: string,
  facts: { readonly code?: string; readonly param?: string | null } = {}
): ApiFault => new ApiFault({ status, body: { error: { type, message, ...facts } } })

export const unrecognizedKeys = (keys: ReadonlyArray<string>): ApiFault =>
  native(400, "invalid_request", `Unrecognized key(s) in object: ${keys.map((key) => `'${key}'`).join(", ")}`, {
    code: "unrecognized_keys"
  })

export const missingParameter = (name: string): ApiFault =>
  native(400, "invalid_request", `"${name}" is required`, { code: "missing_required_parameter", param: name })

export const invalidValue = (name: string, message: string): ApiFault =>
  native(400, "invalid_request", message, { code: "invalid_value", param: name })

export const missingToken = new ApiFault({
  status: 401,
  body: {
    error: {
      message:
        "An LM Studio API token is required to make requests to this server, but none was provided using the Authorization header using the 'Bearer' scheme ...",
      code: "invalid_api_key"
    }
  }
})

export const malformedToken = (token: string): ApiFault =>
  native(
    401,
    "invalid_request",
    `Malformed LM Studio API token provided: ${token.slice(0, 10)}... Ensure you are using a valid token.`,
    { code: "invalid_api_key" }
  )

export const powerlessToken = native(
  403,
  "invalid_request",
  "The provided LM Studio API token does not have permission for this operation.",
  { code: "insufficient_permissions" }
)

export const overflowText = (
  wording: "tokens-to-keep" | "tokens-to-keep-numbers" | "keep-first" | "cannot-truncate" | "available",
  tokens: number,
  context: number
): string => {
  const advice = "Try to load the model with a larger context length, or provide a shorter input"
  switch (wording) {
    case "tokens-to-keep":
      return `The number of tokens to keep from the initial prompt is greater than the context length. ${advice}`
    case "tokens-to-keep-numbers":
      return `The number of tokens to keep from the initial prompt is greater than the context length (n_keep: ${tokens}>= n_ctx: ${context}). ${advice}`
    case "keep-first":
      return `Trying to keep the first ${tokens} tokens when context the overflows. However, the model is loaded with context length of only ${context} tokens, which is not enough. ${advice}`
    case "cannot-truncate":
      return `Cannot truncate prompt with n_keep (${tokens}) >= n_ctx (${context})`
    case "available":
      return `request (${tokens} tokens) exceeds the available context size (${context} tokens), try increasing it`
  }
}
