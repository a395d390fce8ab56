/** The form of calls for a model that nobody measured, as a run asks for it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type { Usage } from "../lmstudio/Chat.ts"
import type { ModelLease } from "../models/LoadedModel.ts"
import type { FoundForm } from "./FormByEvidence.ts"

export interface FormAsked {
  /** Longest time to find out. */
  readonly limit: Duration.Duration
  /** What is being tried, in words. */
  readonly onTrial: (what: string) => Effect.Effect<void>
}

/** `usage` where it was tried just now. */
export interface FormAnswer extends FoundForm {
  readonly usage?: Usage | undefined
}

/** None where nothing is known and nothing may be tried; that is the default. Never fails. */
export class CallForms extends Context.Reference<CallForms>()("@lms-bridge/core/registry/CallForms", {
  defaultValue: (): {
    readonly of: (lease: ModelLease, asked: FormAsked) => Effect.Effect<Option.Option<FormAnswer>>
  } => ({ of: () => Effect.succeedNone })
}) {}
