/**
 * The agent loop: a model works on a task with the tools of MCP servers, round by round, until it is done or a budget
 * ends it. The rules are pure (`rules/`); the shell (`run/`) does the I/O and emits the events.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { Settings } from "../configuration/Settings.ts"
import { McpRegistry } from "../mcp/McpRegistry.ts"
import { ModelLifecycle } from "../models/ModelLifecycle.ts"
import type { RunId } from "../observability/Correlation.ts"
import type { AgentEvent } from "./rules/AgentEvent.ts"
import * as AgentRun from "./run/Run.ts"
import * as Beforehand from "./run/Beforehand.ts"
import { UserPolicies } from "./policy/PolicyFile.ts"
import { CallForms } from "../registry/CallForms.ts"
import { Suitability } from "../registry/Suitability.ts"
import { type RunInProgress, RunJournal, type RunNotFound } from "../runs/RunJournal.ts"
import { Skills } from "../skills/Skills.ts"
import type { AgentTask } from "./AgentTask.ts"
import { SemanticRank } from "./tools/SemanticRank.ts"
import type { AgentError } from "./AgentError.ts"
import type { Resumption } from "./run/Run.ts"

export type { Resumption } from "./run/Run.ts"
export { CurrentApprover, type Approval, type ApprovalRequest } from "./policy/Approval.ts"

export class AgentLoop extends Context.Tag("@lms-bridge/core/agent/AgentLoop")<
  AgentLoop,
  {
    /** Fails with what would prevent the task from starting, as far as that is known without starting a server or a model. */
    readonly check: (task: AgentTask) => Effect.Effect<void, AgentError>
    /**
     * Runs a task. The first event is `RunStarted`, the last `RunFinished`. A stream that fails has ended everything that
     * it started. Interruption aborts the request, the tool call and whatever runs beneath them.
     */
    readonly run: (task: AgentTask) => Stream.Stream<AgentEvent, AgentError>
    /**
     * Stores the start of a run and carries out nothing: `resume` does, in whichever process has the journal. The time
     * until then does not count against the run's.
     */
    readonly begin: (task: AgentTask) => Effect.Effect<RunId, AgentError>
    /**
     * Resumes a run that was stopped, killed, ended by a budget or only begun, from the end of its journal; the first event
     * is `RunResumed`. Budgets apply to the run as a whole, so a run that a budget ended needs larger ones. A finished call
     * is never repeated; one with an unknown outcome is repeated only if that is harmless or a person agrees. Fails when the
     * run is in progress.
     */
    readonly resume: (runId: string, how?: Resumption) => Stream.Stream<AgentEvent, AgentError>
    /**
     * Ends a run that others carry out, as far as they can be told; one that has ended stays as it is. It fails for a run
     * that another process of this machine carries out.
     */
    readonly cancel: (runId: string) => Effect.Effect<void, RunNotFound | RunInProgress>
  }
>() {
  static readonly layerNoDeps: Layer.Layer<AgentLoop, never, ModelLifecycle | McpRegistry | RunJournal | Settings> =
    Layer.effect(
      this,
      Effect.map(
        Effect.all({
          lifecycle: ModelLifecycle,
          registry: McpRegistry,
          nearness: SemanticRank,
          suitability: Suitability,
          forms: CallForms,
          skills: Skills,
          journal: RunJournal,
          settings: Settings,
          policies: UserPolicies
        }),
        (services) => ({
          check: (task) => Beforehand.check(services, task),
          run: (task) => AgentRun.run(services, task),
          begin: (task) => AgentRun.begin(services, task),
          resume: (runId, how) => AgentRun.resume(services, runId, how),
          cancel: (runId) => Effect.flatMap(services.journal.read(runId), services.journal.idle)
        })
      )
    )
  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide(Layer.mergeAll(RunJournal.layer, UserPolicies.layer, SemanticRank.layer, Skills.layer))
  )
}
