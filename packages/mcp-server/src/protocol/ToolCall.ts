/**
 * One call of a tool, from its arguments to the answer of `tools/call`. A call never fails: an error is its result.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { present } from "@lms-bridge/core/Json"
import { toSdk } from "../tools/Content.ts"
import type { Overloaded } from "@lms-bridge/core/Resilience"
import * as Hints from "./Hints.ts"
import type { Failure, Progress, Reply, Tool } from "../tools/Tool.ts"

/** MCP's `CallToolResult`, as far as our tools use it. */
export interface Result {
  [key: string]: unknown
  isError?: boolean
  content: Array<ReturnType<typeof toSdk>>
  structuredContent?: Record<string, unknown> & { readonly error?: { readonly _tag: string; readonly message: string } }
}

export const perform = <R>(
  tool: Tool<R>,
  input: Readonly<Record<string, unknown>>,
  progress: Progress,
  /** Whether the client may call now. */
  admit: Effect.Effect<void, Overloaded> = Effect.void
): Effect.Effect<Result, never, R> =>
  Effect.timed(
    Effect.zipRight(admit, tool.call(input, progress)).pipe(
      Effect.match({ onSuccess: success, onFailure: failure }),
      Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.interrupt : defect(cause)))
    )
  ).pipe(
    Effect.tap(([took, { isError = false, structuredContent }]) =>
      Effect.logInfo("tool call", {
        millis: Math.round(Duration.toMillis(took)),
        isError,
        ...present({ error: structuredContent?.error?._tag })
      })
    ),
    Effect.map(([, result]) => result),
    Effect.annotateLogs({ tool: tool.name })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const success = ({ content, structured }: Reply): Result => ({
  content: content.map(toSdk),
  ...(structured === undefined ? {} : { structuredContent: { ...structured } })
})

const failure = ({ _tag, account, message, retryable, text = message }: Failure): Result => ({
  isError: true,
  content: [{ type: "text", text: Hints.asTools(text) }],
  structuredContent: { ...account, error: { _tag, message: Hints.asTools(message), ...present({ retryable }) } }
})

/** The text of a defect goes only to the log, because it may contain secrets. */
const defect = (cause: Cause.Cause<unknown>) =>
  Effect.logError("tool died", cause).pipe(
    Effect.as(
      failure({
        _tag: "InternalError",
        message: "lms-bridge made a mistake; its log on stderr has the details.",
        retryable: false
      })
    )
  )
