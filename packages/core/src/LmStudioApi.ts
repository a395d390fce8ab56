/** LM Studio over HTTP: requests, replies, and its errors. */
export { LmStudioApi } from "./lmstudio/LmStudioApi.ts"
export {
  ApiModel,
  Dialect,
  isAwake,
  ModelInstance,
  productOf,
  ServerInfo,
  type ApiLoaded,
  type DownloadStatus,
  type LoadOptions,
  type LoadStart,
  type Places
} from "./lmstudio/ApiModel.ts"
export type {
  Completion,
  CompletionRequest,
  Embeddings,
  EmbeddingsRequest,
  NativeChatRequest,
  RequestLimits,
  ResponsesInput,
  ResponsesReply,
  ResponsesRequest
} from "./lmstudio/ApiRequests.ts"
export {
  ChatMessage,
  ChatReply,
  eventsOf,
  FinishReason,
  tokensPerSecond,
  ToolCall,
  ToolDefinition,
  Usage,
  type ChatEvent,
  type ChatRequest
} from "./lmstudio/Chat.ts"
export {
  ContextOverflow,
  LmStudioError,
  LmStudioUnreachable,
  ModelNotFound,
  ModelNotLoaded,
  ReplyMalformed,
  RequestRejected,
  RequestTimeout,
  ServerFault,
  StreamCut,
  Unauthorized,
  Unsupported,
  WrongModelAnswered,
  type ApiError
} from "./lmstudio/LmStudioError.ts"
export { ContextFixed, ModelCrashed, ModelLoadFailed, ModelLoadRefused } from "./lmstudio/LostModel.ts"
export { TemplateRefused, ToolsRefused } from "./lmstudio/RequestShape.ts"
export type { Overloaded } from "./resilience/Overloaded.ts"
