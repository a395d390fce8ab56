/**
 * The agent loop: a model works on a task with the tools of MCP servers, round after round, until it is done or a budget
 * ends it. The rules are pure (`AgentState`); this shell does the I/O and emits the events.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { Settings } from "../configuration/Settings.ts"
import { McpRegistry, type McpConnectError } from "../mcp/McpRegistry.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../models/ModelLifecycle.ts"
import type { AgentEvent } from "./AgentEvent.ts"
import * as AgentRun from "./AgentRun.ts"
import type { AgentTask } from "./AgentTask.ts"

/**
 * What prevents a run from starting: the model cannot be had, or a server that was named does not start. Once the model
 * has been asked, everything that goes wrong is told in the outcome.
 *
 * @since 0.1.0
 * @category errors
 */
export type AgentError = ModelLifecycleError | McpConnectError

export { CurrentApprover, type ApprovalRequest } from "./Approval.ts"

/**
 * @since 0.1.0
 * @category services
 */
export class AgentLoop extends Context.Tag("@lms-bridge/core/agent/AgentLoop")<
  AgentLoop,
  {
    /**
     * Runs a task. The first event is `RunStarted`, the last `RunFinished`; a stream that fails has started nothing
     * that it did not also end. Interrupting it aborts the request, the tool call and whatever runs beneath them.
     */
    readonly run: (task: AgentTask) => Stream.Stream<AgentEvent, AgentError>
  }
>() {
  static readonly layer: Layer.Layer<AgentLoop, never, ModelLifecycle | McpRegistry | Settings> = Layer.effect(
    this,
    Effect.map(Effect.all([ModelLifecycle, McpRegistry, Settings]), ([lifecycle, registry, settings]) => ({
      run: (task) => AgentRun.run({ lifecycle, registry, settings }, task)
    }))
  )
}
