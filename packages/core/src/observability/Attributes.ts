/**
 * Names of spans and their attributes by OpenTelemetry's conventions for generative AI and MCP, which are still in development:
 * this file alone knows them.
 */
import { stringify } from "../json/ExactJson.ts"
import { present } from "../schema/Fields.ts"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"

/** Whether spans may contain what was said (`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`). */
export class CaptureContent extends Context.Reference<CaptureContent>()(
  "@lms-bridge/core/observability/CaptureContent",
  { defaultValue: () => false }
) {}

export type Attributes = Readonly<Record<string, unknown>>

export const agentSpan = "invoke_agent lms-bridge"

export const ofRun = (runId: string): Attributes => ({
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.agent.name": "lms-bridge",
  "gen_ai.conversation.id": runId
})

export const chatSpan = (model: string): string => `chat ${model}`

export const ofRequest = (model: string, baseUrl: string): Attributes => {
  const { hostname, port, protocol } = new URL(baseUrl)
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "lmstudio",
    "gen_ai.request.model": model,
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)
  }
}

export const ofReply = (reply: {
  readonly model: string
  readonly finishReason: string
  readonly usage?: {
    readonly inputTokens: number
    readonly outputTokens: number
    readonly reusedTokens?: number | undefined
  }
}): Attributes => ({
  "gen_ai.response.model": reply.model,
  "gen_ai.response.finish_reasons": [reply.finishReason],
  ...(reply.usage === undefined
    ? {}
    : {
        "gen_ai.usage.input_tokens": reply.usage.inputTokens,
        "gen_ai.usage.output_tokens": reply.usage.outputTokens,
        ...present({ "gen_ai.usage.cache_read.input_tokens": reply.usage.reusedTokens })
      })
})

export const toolSpan = (tool: string): string => `execute_tool ${tool}`

export const ofTool = (call: { readonly id: string; readonly server: string; readonly tool: string }): Attributes => ({
  "gen_ai.operation.name": "execute_tool",
  "gen_ai.tool.name": call.tool,
  "gen_ai.tool.call.id": call.id,
  "mcp.method.name": "tools/call",
  "lms_bridge.server": call.server
})

/** How the server of a tool is reached. */
export const overNetwork = (transport: "stdio" | "http" | "sse" | "unknown"): Attributes => ({
  "network.transport": transport === "stdio" ? "pipe" : "tcp"
})

export const errorType = (type: string): Attributes => ({ "error.type": type })

/** Attributes of the current span, where there is a tracer: without one, Effect makes an error each time. */
export const annotate = (attributes: Attributes): Effect.Effect<void> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentTracerEnabled), (enabled) =>
    enabled ? Effect.annotateCurrentSpan(attributes) : Effect.void
  )

/** The same for what was said, which is only computed and told where that is wanted. */
export const annotateContent = (name: string, content: () => unknown): Effect.Effect<void> =>
  Effect.flatMap(CaptureContent, (wanted) => (wanted ? annotate({ [name]: stringify(content()) }) : Effect.void))
