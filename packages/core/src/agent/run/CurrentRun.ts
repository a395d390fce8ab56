/** The context of a run, provided once to everything that carries it out. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Values } from "../../configuration/Settings.ts"
import type { McpRegistry } from "../../mcp/McpRegistry.ts"
import type { ModelLifecycle } from "../../models/ModelLifecycle.ts"
import type { CallForms } from "../../registry/CallForms.ts"
import type { Suitability } from "../../registry/Suitability.ts"
import type { RunJournal } from "../../runs/RunJournal.ts"
import type { LoopPolicy } from "../LoopPolicy.ts"
import type { Answer } from "../policy/Approval.ts"
import type { Policies, PolicyInvalid } from "../policy/PolicyFile.ts"
import type { ArtifactStore } from "../tools/Artifacts.ts"
import type { SemanticRank } from "../tools/SemanticRank.ts"
import type { Skills } from "../../skills/Skills.ts"
import type { RunLog } from "./RunLog.ts"

/** The services that runs use. */
export interface Services {
  readonly lifecycle: Context.Tag.Service<typeof ModelLifecycle>
  readonly registry: Context.Tag.Service<typeof McpRegistry>
  readonly nearness: Context.Tag.Service<typeof SemanticRank>
  /** What models lack for a task. */
  readonly suitability: Context.Tag.Service<typeof Suitability>
  readonly forms: Context.Tag.Service<typeof CallForms>
  readonly skills: Context.Tag.Service<typeof Skills>
  readonly journal: Context.Tag.Service<typeof RunJournal>
  readonly settings: Values
  /** The user's policies, which take precedence over the caller's. */
  readonly policies: Effect.Effect<Option.Option<Policies>, PolicyInvalid>
}

export class CurrentRun extends Context.Tag("@lms-bridge/core/agent/CurrentRun")<
  CurrentRun,
  {
    readonly services: Services
    readonly policy: LoopPolicy
    readonly log: RunLog
    /** Results that can be read again. */
    readonly artifacts: ArtifactStore
    /** What a person has said to questions of an earlier part of the run, by call. */
    readonly answers: ReadonlyMap<string, Answer>
  }
>() {}
