import { present } from "../../src/schema/Fields.ts"

/* oxlint-disable max-lines -- one table, with a row for every text of the contract */
/** Every error text of the contract (A4, A8, A9, C2, C4, C5, H) in the route's format, and its meaning. */

export interface Row {
  /** The place in the contract, and what is special about the row. */
  readonly where: string
  readonly body: unknown
  readonly status?: number
  readonly operation?: string
  readonly hadToken?: boolean
  /** Fields that the error must have. */
  readonly error: Record<string, unknown>
}

const native = (message: string, facts: Record<string, unknown> = {}) => ({ error: { message, ...facts } })

const openAi = (message: string, code: string | null = null, param: string | null = null) => ({
  error: { message, type: "invalid_request_error", param, code }
})

const guardrail =
  "Model loading was stopped due to insufficient system resources. Under the current settings, this model requires approximately 21.50 GB of memory, and continuing to load it would likely overload your system and cause it to freeze. If you think this is incorrect, you can adjust the model loading guardrails in settings."

const missingToken =
  "An LM Studio API token is required to make requests to this server, but none was provided using the Authorization header using the 'Bearer' scheme ..."

const keep =
  "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input"

const templateRefusals: ReadonlyArray<readonly [string, number | undefined, unknown]> = [
  [
    "Mistral: two users",
    400,
    {
      error:
        'Error rendering prompt with jinja template: "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."'
    }
  ],
  [
    "Devstral: after the system message",
    400,
    openAi(
      "After the optional system message, conversation roles must alternate user and assistant roles except for tool calls and results."
    )
  ],
  ["Gemma: no system role", 400, openAi("Error: Jinja Exception: System role not supported")],
  ["older Mistral: two roles", undefined, { message: "Only user and assistant roles are supported!" }],
  ["with three roles", 400, openAi("Only user, assistant and tool roles are supported, got system.")],
  ["Gemma 4 with tools", 400, openAi("Cannot call something that is not a function: got UndefinedValue")],
  [
    "an engine's 500 with JSON inside",
    500,
    native(
      'Engine protocol predict request returned 500: {"error":{"code":500,"message":"\\n------------\\nWhile executing CallExpression at line 12, column 5 in source:\\nError: Jinja Exception: Unexpected message role.","type":"server_error"}}',
      { type: "internal_error", code: "unknown" }
    )
  ],
  ["Llama 3.1: several calls", 400, openAi("This model only supports single tool-calls at once!")],
  [
    "gpt-oss: a result without its call",
    400,
    openAi("Message has tool role, but there was no previous assistant message with a tool call!")
  ],
  ["Qwen 3.5: no question", 400, openAi("No user query found in messages.")],
  ["Qwen 3.5: system in the middle", 400, openAi("System message must be at the beginning.")],
  ["Mistral: ids", 400, openAi("Tool call IDs should be alphanumeric strings with length 9!")],
  ["Mistral: counts", 400, openAi("Not the same number of function calls and responses")],
  ["llama-server", 500, native("Failed to apply chat template: unexpected end", { code: 500, type: "server_error" })],
  ["Python's words", 400, openAi("jinja2.exceptions.TemplateError: Conversation must start with a user message")],
  ["an unknown filter", 400, openAi('Unknown StringValue filter: "foo"')],
  ["with the words of a permission", 400, openAi('Jinja Exception: "tool" is not permitted here')]
]

const issues = (...paths: ReadonlyArray<ReadonlyArray<string | number>>) =>
  JSON.stringify(
    paths.map((path) => ({ code: "invalid_type", expected: "object", path, message: "Required" })),
    null,
    2
  )

const toolRefusals: ReadonlyArray<readonly [string, number, unknown, ReadonlyArray<number>]> = [
  ["a text of issues", 400, { error: issues([2, "function", "parameters", "type"]) }, [2]],
  ["several issues", 400, { error: issues([0, "function", "parameters"], [3, "function", "name"]) }, [0, 3]],
  ["issues as a list", 400, `{"error":${issues(["tools", 1, "function", "parameters"])}}`, [1]],
  ["issues in an object", 400, `{"error":{"issues":${issues([4, "function", "parameters"])}}}`, [4]],
  ["param", 400, openAi("Invalid input", "custom", "tools.2"), [2]],
  ["param with a path", 400, openAi("Invalid input", "custom", "tools[12].function.parameters"), [12]],
  ["a sentence", 400, openAi("Invalid 'tools[1].function.parameters': must be an object"), [1]],
  ["a pointer", 422, openAi("body/tools/7/function/parameters must be object"), [7]],
  ["Python's words", 422, '{"detail":[{"loc":["body","tools",5,"function"],"msg":"Field required"}]}', [5]],
  ["in words", 400, openAi("The tool at index 6 has no parameters"), [6]],
  [
    "issues in a string in JSON",
    500,
    native(`Engine protocol request returned 400: ${JSON.stringify({ error: issues([3, "function", "type"]) })}`),
    [3]
  ]
]

const row = (
  where: string,
  status: number | undefined,
  body: unknown,
  error: Record<string, unknown>,
  more: Partial<Row> = {}
): Row => ({ where, body, error, ...present({ status }), ...more })

export const rows: ReadonlyArray<Row> = [
  // J: templates that refuse a conversation
  ...templateRefusals.map(([where, status, body]) => row(`J ${where}`, status, body, { _tag: "TemplateRefused" })),
  ...toolRefusals.map(([where, status, body, tools]) =>
    row(`J ${where}`, status, body, { _tag: "ToolsRefused", tools })
  ),
  row("J tools refused without a place", 400, openAi("Invalid tools", "custom"), { _tag: "RequestRejected" }),
  row("J messages refused with a path", 400, openAi("messages[2].content: Required"), {
    _tag: "RequestRejected"
  }),
  row("H26 a grammar that cannot be made of a tool", 400, openAi("failed to parse grammar: tools[0]"), {
    _tag: "ServerFault",
    reason: "Grammar"
  }),

  // routes
  row(
    "0.1 an unknown route, with status 200",
    200,
    { error: "Unexpected endpoint or method. (POST /api/v1/models/load)" },
    { _tag: "Unsupported" }
  ),
  row("another server's unknown route", 404, "404 page not found", { _tag: "Unsupported" }),
  row("llama-server's unknown route", 404, native("File Not Found", { code: 404, type: "not_found_error" }), {
    _tag: "Unsupported"
  }),

  // A8 tokens
  row("A8 no token", 401, native(missingToken, { code: "invalid_api_key" }), {
    _tag: "Unauthorized",
    reason: "Missing"
  }),
  row(
    "A8 malformed token",
    401,
    native("Malformed LM Studio API token provided: sk-lm-abcd... Ensure you are using a valid token.", {
      type: "invalid_request",
      code: "invalid_api_key"
    }),
    { _tag: "Unauthorized", reason: "Malformed" },
    { hadToken: true }
  ),
  row(
    "A8 another text with the code, token sent",
    401,
    native("No.", { code: "invalid_api_key" }),
    { _tag: "Unauthorized", reason: "Malformed" },
    { hadToken: true }
  ),
  row(
    "A8 the text that asks for a token, token sent",
    401,
    native(missingToken, { code: "invalid_api_key" }),
    { _tag: "Unauthorized", reason: "Malformed" },
    { hadToken: true }
  ),
  row(
    "A8 the same text without a code, token sent",
    401,
    native("API token is required"),
    { _tag: "Unauthorized", reason: "Malformed" },
    { hadToken: true }
  ),
  row(
    "A8 a token without the right",
    403,
    native("The provided LM Studio API token does not have permission for this operation.", {
      code: "insufficient_permissions"
    }),
    { _tag: "Unauthorized", reason: "Forbidden" },
    { hadToken: true }
  ),
  row("A8 a proxy's bare 401", 401, "", { _tag: "Unauthorized", reason: "Missing" }),
  row("A8 a proxy's bare 403", 403, "<html>403 Forbidden</html>", { _tag: "Unauthorized", reason: "Forbidden" }),

  // C4, A9: unknown names
  row(
    "C4 model not downloaded (400)",
    400,
    openAi(
      'Invalid model identifier "nope". Please specify a valid downloaded model (e.g., qwen/qwen3-4b, llama-3.2-3b, gemma-3@q4_k_m).',
      "model_not_found",
      "model"
    ),
    { _tag: "ModelNotFound", available: ["qwen/qwen3-4b", "llama-3.2-3b", "gemma-3@q4_k_m"] }
  ),
  row(
    "A9 the same on /api/v1/chat (404)",
    404,
    native('Invalid model identifier "nope". Please specify a valid downloaded model (e.g., a, b).', {
      type: "invalid_request",
      param: "model",
      code: "model_not_found"
    }),
    { _tag: "ModelNotFound", available: ["a", "b"] }
  ),
  row(
    "C4 the list of 0.3.5 (404)",
    404,
    openAi(
      'Model "asked" not found. Please specify a valid model.\n\nYour models:\n\ntext-embedding-nomic-embed-text-v1.5\nqwen-7b@q6_k',
      "model_not_found",
      "model"
    ),
    { _tag: "ModelNotFound", available: ["text-embedding-nomic-embed-text-v1.5", "qwen-7b@q6_k"] }
  ),
  row("C4 the code alone", 404, native("?", { code: "model_not_found" }), { _tag: "ModelNotFound", available: [] }),
  row("A4 the type alone", 404, native("?", { type: "model_not_found" }), { _tag: "ModelNotFound" }),
  row("F10 the SDK's text", 400, { error: 'Cannot find a model with path "asked"' }, { _tag: "ModelNotFound" }),
  row("another server's text", 404, native('model "asked" not found, try pulling it first'), { _tag: "ModelNotFound" }),
  row(
    "an embeddings request without the model",
    404,
    native("The model 'asked' does not exist", { code: "model_not_found" }),
    { _tag: "ModelNotFound" }
  ),

  // not loaded
  row(
    "C4 nothing loaded, today's object",
    400,
    openAi("No models loaded. Please load a model in the developer page or use the 'lms load' command.", null, "model"),
    { _tag: "ModelNotLoaded" }
  ),
  row(
    "C4 nothing loaded, 0.3.31's bare string",
    400,
    { error: "No models loaded. Please load a model in the developer page or use the 'lms load' command." },
    { _tag: "ModelNotLoaded" }
  ),
  row(
    "F10 the SDK's query",
    400,
    { error: "No loaded model satisfies all requirements specified in the query." },
    { _tag: "ModelNotLoaded" }
  ),
  row(
    "A5 unloading an unknown instance",
    404,
    native('Cannot find a model with identifier "asked"', { type: "model_not_found" }),
    { _tag: "ModelNotLoaded", model: "asked" },
    { operation: "model unload" }
  ),

  // A4, C5: loading
  row("A4 the guardrail", 500, native(guardrail, { type: "model_load_failed" }), {
    _tag: "ModelLoadRefused",
    requiredBytes: 21_500_000_000
  }),
  row(
    "A4 the guardrail inside a just-in-time load",
    400,
    { error: `Failed to load model "asked". Error: ${guardrail.replace("21.50 GB", "21.50 GiB")}` },
    { _tag: "ModelLoadRefused", requiredBytes: Math.round(21.5 * 2 ** 30) }
  ),
  row(
    "A4 a load failure with status 200",
    200,
    native("Failed to load LLM 'asked': Error: something", { type: "model_load_failed" }),
    { _tag: "ModelLoadFailed", reason: "Other" }
  ),
  row("H20 SIGABRT", 500, native("Engine process terminated with SIGABRT", { type: "model_load_failed" }), {
    _tag: "ModelLoadFailed",
    reason: "Engine"
  }),
  row(
    "A4 no runtime",
    500,
    native("No LM Runtime found for model format 'torchSafetensors'!", { type: "model_load_failed" }),
    { _tag: "ModelLoadFailed", reason: "NoRuntime" }
  ),
  row("C5 just-in-time load failed", 400, openAi('Failed to load model "asked". Error: whatever'), {
    _tag: "ModelLoadFailed",
    reason: "Other"
  }),
  row(
    "C5 error loading",
    400,
    { error: "Error loading model. (Exit code: 18446744072635812000). Unknown error." },
    { _tag: "ModelLoadFailed", reason: "Engine" }
  ),
  row(
    "C5 llama-server exited",
    500,
    native("Engine protocol runtime llama-server for abc exited before becoming healthy. exitCode=1, signal=null"),
    { _tag: "ModelLoadFailed", reason: "Engine" }
  ),
  row("F1 cancelled", 500, native("Load cancelled."), { _tag: "ModelLoadFailed", reason: "Cancelled" }),

  // C5: during a request
  row("C5 unloaded", undefined, { error: "Model unloaded." }, { _tag: "ModelCrashed", reason: "Unloaded" }),
  row("C5 is unloaded", 400, { error: "Model is unloaded." }, { _tag: "ModelCrashed", reason: "Unloaded" }),
  row(
    "F10 already unloaded",
    undefined,
    { message: "This model has already been unloaded." },
    { _tag: "ModelCrashed", reason: "Unloaded" }
  ),
  row(
    "C5 unloaded or crashed",
    undefined,
    { message: "Model has unloaded or crashed.." },
    { _tag: "ModelCrashed", reason: "Crashed" }
  ),
  row("C5 crashed", undefined, native("The model has crashed without additional information. (Exit code: 6)"), {
    _tag: "ModelCrashed",
    reason: "Crashed",
    exitCode: "6"
  }),

  ...(
    [
      ["an unsigned view of a negative code", "18446744072635812000"],
      ["a negative code", "-1073741819"],
      ["no code", "null"],
      ["a fraction", "1.5"],
      ["a word", "SIGKILL"],
      ["hexadecimal", "0xC0000409"]
    ] as const
  ).flatMap(([what, exitCode]) => [
    row(
      `J crashed with ${what}, as 400`,
      400,
      openAi(`The model has crashed without additional information. (Exit code: ${exitCode})`),
      { _tag: "ModelCrashed", reason: "Crashed", exitCode }
    ),
    row(
      `J the same in a stream, with the type of a failed load`,
      undefined,
      native(`The model has crashed without additional information. (Exit code: ${exitCode})`, {
        type: "model_load_failed"
      }),
      { _tag: "ModelCrashed", reason: "Crashed", exitCode }
    )
  ]),
  row(
    "J crashed without a code",
    400,
    { error: "The model has crashed without additional information." },
    {
      _tag: "ModelCrashed",
      exitCode: undefined
    }
  ),
  row(
    "J an engine that ended in the middle",
    500,
    native("Engine protocol runtime llama-server for qwen exited. exitCode=null, signal=SIGSEGV"),
    { _tag: "ModelCrashed", reason: "Crashed" }
  ),
  row(
    "another server's runner",
    500,
    { error: "llama runner process has terminated: exit status 2" },
    {
      _tag: "ModelCrashed",
      reason: "Crashed"
    }
  ),
  row(
    "J a crash while it was loaded",
    400,
    native(
      'Failed to load model "asked". Error: The model has crashed without additional information. (Exit code: 1)',
      {
        type: "model_load_failed"
      }
    ),
    { _tag: "ModelLoadFailed", reason: "Engine" }
  ),
  row(
    "J the same at the route for loads",
    500,
    native("The model has crashed without additional information. (Exit code: null)"),
    { _tag: "ModelLoadFailed", reason: "Engine" },
    { operation: "model load" }
  ),
  row(
    "H19 a guardrail without a figure",
    500,
    native(guardrail.replace("21.50", "NaN"), { type: "model_load_failed" }),
    { _tag: "ModelLoadRefused", requiredBytes: undefined }
  ),

  // loading is not failing
  row(
    "llama-server is loading",
    503,
    { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
    { _tag: "ServerFault", reason: "Loading", retryable: false }
  ),
  row("Ollama is loading", 500, { error: "llm server loading model" }, { _tag: "ServerFault", reason: "Loading" }),
  ...[
    "Model is loading, please wait",
    "The model is still loading. Please try again later.",
    'Model "asked" is currently loading',
    "model is currently being loaded",
    "Please wait while the model is loading"
  ].map((words) => row(`loading: ${words}`, 503, native(words), { _tag: "ServerFault", reason: "Loading" })),
  row("another 503", 503, native("Service Unavailable"), { _tag: "ServerFault", reason: "Busy" }),

  // C5, H16: five wordings of one fault, and its type
  row(
    "H16 first tokens (0.3.5)",
    400,
    {
      error:
        "Trying to keep the first 6210 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input"
    },
    { _tag: "ContextOverflow", promptTokens: 6210, contextLength: 4096 }
  ),
  row("H16 tokens to keep, a bare string with 400", 400, { error: keep }, { _tag: "ContextOverflow" }),
  row(
    "H32 the same as an object with 500",
    500,
    native(keep, { type: "internal_error", param: null, code: "unknown" }),
    { _tag: "ContextOverflow" }
  ),
  row(
    "H16 tokens to keep with figures, in a stream",
    undefined,
    { message: keep.replace("length.", "length (n_keep: 9021>= n_ctx: 4096).") },
    { _tag: "ContextOverflow", promptTokens: 9021, contextLength: 4096 }
  ),
  row("H16 cannot truncate", undefined, native("Cannot truncate prompt with n_keep (5000) >= n_ctx (4096)"), {
    _tag: "ContextOverflow",
    promptTokens: 5000,
    contextLength: 4096
  }),
  row(
    "H16 available context size",
    400,
    native("request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
    { _tag: "ContextOverflow", promptTokens: 5000, contextLength: 4096 }
  ),
  row(
    "0.5e the engine's own body",
    400,
    {
      error: {
        code: 400,
        message: "the request exceeds it",
        type: "exceed_context_size_error",
        n_prompt_tokens: 5000,
        n_ctx: 4096
      }
    },
    { _tag: "ContextOverflow", promptTokens: 5000, contextLength: 4096 }
  ),
  row(
    "vLLM's words",
    400,
    native("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"),
    { _tag: "ContextOverflow", contextLength: 4096 }
  ),

  // C2, A1, A9: requests that are refused
  row(
    "C2 tool_choice",
    400,
    { error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required" },
    { _tag: "RequestRejected" }
  ),
  row(
    "C2 response_format",
    400,
    { error: "'response_format.type' must be 'json_schema' or 'text'" },
    { _tag: "RequestRejected" }
  ),
  row(
    "C5 messages",
    400,
    { error: "Invalid 'messages' in payload. Please check the structure of your 'messages' and try again" },
    { _tag: "RequestRejected" }
  ),
  row(
    "A strict bodies",
    400,
    native("Unrecognized key(s) in object: 'stop'", { type: "invalid_request", code: "unrecognized_keys" }),
    { _tag: "RequestRejected", code: "unrecognized_keys" }
  ),
  row(
    "A1 reasoning",
    400,
    native("Model 'x' does not support reasoning configuration.", {
      type: "invalid_request",
      param: "reasoning",
      code: "invalid_value"
    }),
    { _tag: "RequestRejected", param: "reasoning", code: "invalid_value" }
  ),
  row(
    "A9 a missing key",
    400,
    native('"model" is required', {
      type: "invalid_request",
      code: "missing_required_parameter",
      param: "model"
    }),
    { _tag: "RequestRejected", param: "model" }
  ),
  row("A9 bad JSON", 400, native("Received request for /api/v1/chat with invalid JSON: Expected ',' or '}'"), {
    _tag: "RequestRejected"
  }),
  row("A7 an unknown job", 404, native("Job not found", { type: "job_not_found" }), {
    _tag: "RequestRejected",
    code: "job_not_found"
  }),
  row("an unknown 422", 422, native("?"), { _tag: "RequestRejected" }),

  // C4, A1: stored replies
  row(
    "C4 unknown previous_response_id",
    400,
    {
      error: {
        message:
          "Prediction history node with id 'resp_1' not found while attempting to build chat history chain that includes this node.",
        type: "invalid_request_error",
        param: "previous_response_id",
        code: "previous_response_not_found"
      }
    },
    { _tag: "RequestRejected", code: "previous_response_not_found", param: "previous_response_id" }
  ),
  row(
    "A1 the same on the native route",
    400,
    native(
      "Could not find stored response for previous_response_id 'X'. Please ensure the ID is correct. Current previous response auto-deletion policy: Responses older than 30 days are automatically deleted.",
      { type: "invalid_request", param: "previous_response_id", code: "invalid_value" }
    ),
    { _tag: "RequestRejected", code: "previous_response_not_found" }
  ),
  row(
    "H18 a corrupt store",
    500,
    native("Prediction history node with id 'x' not found in shard 'pack-0001'", { type: "internal_error" }),
    { _tag: "ServerFault", reason: "StateStore", retryable: false }
  ),

  // engine faults
  row(
    "H9 tool call",
    500,
    { error: "Failed to parse tool call: Extra content after end of tool call" },
    { _tag: "ServerFault", reason: "ToolCallParse", farSideFault: false }
  ),
  row("H26 grammar", 400, openAi("failed to parse grammar"), {
    _tag: "ServerFault",
    reason: "Grammar",
    retryable: false
  }),
  row(
    "C5 prediction-error",
    undefined,
    { error: "received prediction-error" },
    { _tag: "ServerFault", reason: "Engine", retryable: true }
  ),
  row("C5 Channel Error", undefined, { message: "Channel Error" }, { _tag: "ServerFault", reason: "Engine" }),
  row("too many requests", 429, "", { _tag: "ServerFault", reason: "Busy" }),
  row("a proxy's 502", 502, "<html>Bad Gateway</html>", { _tag: "ServerFault", reason: "Gateway", retryable: false }),
  row("a proxy's 504 without words", 504, "", { _tag: "ServerFault", reason: "Gateway" }),
  row("another program's 502", 502, { error: "upstream command exited" }, { _tag: "ServerFault", reason: "Unknown" }),
  row(
    "llama.cpp, of what it was not started for",
    501,
    native("This server does not support embeddings. Start it with `--embeddings`", { type: "not_supported_error" }),
    { _tag: "RequestRejected", retryable: false }
  ),
  row(
    "llama.cpp, of a picture",
    500,
    native("image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", {
      type: "server_error"
    }),
    { _tag: "RequestRejected", retryable: false }
  ),
  row("an unknown internal error", 500, native("boom", { type: "internal_error", code: "unknown" }), {
    _tag: "ServerFault",
    reason: "Engine",
    retryable: true
  }),
  row(
    "an internal error on an OpenAI route",
    500,
    { error: { message: "boom", type: "internal_error", code: null } },
    {
      _tag: "ServerFault",
      reason: "Engine",
      retryable: true
    }
  ),
  row(
    "a 500 that has the routes' usual type",
    500,
    { error: { message: "boom", type: "invalid_request_error" } },
    {
      _tag: "ServerFault",
      retryable: true
    }
  ),
  row("a 500 that blames a field", 500, native("boom", { type: "invalid_request", param: "ttl" }), {
    _tag: "RequestRejected",
    retryable: false
  }),
  row("an unknown error in a stream", undefined, { error: "boom" }, { _tag: "ServerFault", reason: "Unknown" })
]
