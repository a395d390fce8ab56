/**
 * The agent loop: a model works on a task with the tools of MCP servers, round after round, until it is done or a budget
 * ends it. The rules are pure (`AgentState`); this shell does the I/O and emits the events.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { Settings } from "../configuration/Settings.ts"
import { McpRegistry } from "../mcp/McpRegistry.ts"
import { ModelLifecycle } from "../models/ModelLifecycle.ts"
import type { AgentEvent } from "./rules/AgentEvent.ts"
import * as AgentRun from "./run/Run.ts"
import { UserPolicies } from "./policy/PolicyFile.ts"
import { RunJournal } from "../runs/RunJournal.ts"
import type { AgentTask } from "./AgentTask.ts"
import { ToolNearness } from "./tools/SemanticRank.ts"
import type { AgentError } from "./AgentError.ts"

export { CurrentApprover, type ApprovalRequest } from "./policy/Approval.ts"

export class AgentLoop extends Context.Tag("@lms-bridge/core/agent/AgentLoop")<
  AgentLoop,
  {
    /**
     * Runs a task. The first event is `RunStarted`, the last `RunFinished`; a stream that fails has started nothing
     * that it did not also end. Interrupting it aborts the request, the tool call and whatever runs beneath them.
     */
    readonly run: (task: AgentTask) => Stream.Stream<AgentEvent, AgentError>
    /**
     * Takes up a run that was stopped, killed or ended by a budget where its journal ends; the first event is
     * `RunResumed`. Budgets hold for the run as a whole, so an ended one needs larger ones. `approved` is added to what
     * the task approves, until the run stops again. No call that was finished is made again; one whose outcome is not
     * known only when it does no harm, or a person says so. Fails when the run is being carried out.
     */
    readonly resume: (
      runId: string,
      budgets?: AgentTask["budgets"],
      approved?: ReadonlyArray<string>
    ) => Stream.Stream<AgentEvent, AgentError>
  }
>() {
  static readonly layerNoDeps: Layer.Layer<
    AgentLoop,
    never,
    ModelLifecycle | McpRegistry | ToolNearness | RunJournal | Settings
  > = Layer.effect(
    this,
    Effect.map(
      Effect.all([ModelLifecycle, McpRegistry, ToolNearness, RunJournal, Settings, UserPolicies]),
      ([lifecycle, registry, nearness, journal, settings, policies]) => {
        const services = { lifecycle, registry, nearness, journal, settings, policies }
        return {
          run: (task) => AgentRun.run(services, task),
          resume: (runId, budgets, approved) => AgentRun.resume(services, runId, budgets, approved)
        }
      }
    )
  )
  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide(Layer.mergeAll(RunJournal.layer, UserPolicies.layer, ToolNearness.layer))
  )
}
