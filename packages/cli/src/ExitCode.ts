/**
 * Exit codes: the table in `--help` and the README, and the code of each failure.
 */
import type { AgentOutcome } from "@lms-bridge/core/AgentEvent"
import * as Schema from "effect/Schema"

export const ExitCode = {
  done: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  modelUnavailable: 4,
  budget: 5,
  mcpServer: 6,
  interrupted: 130,
  outputClosed: 141,
  terminated: 143
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** The table, in order. */
export const meanings: ReadonlyArray<readonly [code: ExitCode, meaning: string]> = [
  [ExitCode.done, "done"],
  [ExitCode.failure, "any other failure; a task of an eval that is not passed"],
  [ExitCode.usage, "usage error: an unknown option, an invalid value or setting"],
  [ExitCode.unreachable, "LM Studio, or the database of several machines, is not reachable"],
  [ExitCode.modelUnavailable, "the model is not available"],
  [ExitCode.budget, "a budget ended the run, or it went in circles; the best answer is still printed"],
  [ExitCode.mcpServer, "a required MCP server did not start, or does not exist"],
  [ExitCode.interrupted, "interrupted by Ctrl-C"],
  [ExitCode.outputClosed, "the reader of the output closed it"],
  [ExitCode.terminated, "ended by SIGTERM, or because the terminal was closed"]
]

/** A failure: a stable tag, and for some tags a reason or a phase. */
export interface Failure {
  readonly _tag: string
  readonly reason?: string
  readonly phase?: string
}

export const ofFailure = (failure: Failure): ExitCode => {
  if (failure._tag === "LmsCliError") return ofLmsReason(failure.reason)
  if (failure._tag === "RequestTimeout") {
    return failure.phase === "Connect" || failure.phase === "Look" ? ExitCode.unreachable : ExitCode.failure
  }
  return byTag[failure._tag] ?? ExitCode.failure
}

export const ofOutcome = (outcome: Pick<AgentOutcome, "status" | "problem">): ExitCode => {
  switch (outcome.status) {
    case "done":
      return ExitCode.done
    case "budget":
    case "stalled":
      return ExitCode.budget
    case "unfinished":
      return ExitCode.interrupted
    case "failed":
      // a failed run does not end with 0, even if it names no problem
      return outcome.problem === undefined ? ExitCode.failure : ofFailure({ _tag: outcome.problem.tag })
  }
}

/** The failure has been reported; only the exit code is left. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {
  readonly retryable = false
  override get message() {
    return `Ended with exit code ${this.code}.`
  }
}

export const isEnded = Schema.is(Ended)

/** The command line cannot be used; `problem` is a sentence. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { problem: Schema.String }) {
  readonly retryable = false
  override get message() {
    return this.problem
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const byTag: Readonly<Record<string, ExitCode>> = {
  UsageError: ExitCode.usage,
  SettingsInvalid: ExitCode.usage,
  NoSuchTool: ExitCode.usage,
  SkillNotFound: ExitCode.usage,
  PolicyInvalid: ExitCode.usage,
  RunNotFound: ExitCode.usage,
  RunAmbiguous: ExitCode.usage,
  CassetteInvalid: ExitCode.usage,
  CassetteNotWritten: ExitCode.usage,
  EvalTasksInvalid: ExitCode.usage,
  EvalCheckImpossible: ExitCode.usage,
  EvalRecordingUnfit: ExitCode.usage,
  HostNotFound: ExitCode.usage,
  NothingAsked: ExitCode.usage,
  LmStudioUnreachable: ExitCode.unreachable,
  DatabaseUnavailable: ExitCode.unreachable,
  CircuitOpen: ExitCode.unreachable,
  MetricsNotRead: ExitCode.unreachable,
  AliasUnknown: ExitCode.usage,
  SwitchFailed: ExitCode.modelUnavailable,
  ModelNotFound: ExitCode.modelUnavailable,
  ModelUnfit: ExitCode.modelUnavailable,
  NoModelLeft: ExitCode.modelUnavailable,
  ModelNotLoaded: ExitCode.modelUnavailable,
  ModelLoadRefused: ExitCode.modelUnavailable,
  ModelLoadFailed: ExitCode.modelUnavailable,
  ModelCrashed: ExitCode.modelUnavailable,
  ContextFixed: ExitCode.modelUnavailable,
  WrongModelAnswered: ExitCode.modelUnavailable,
  McpConfigInvalid: ExitCode.mcpServer,
  McpServerNotFound: ExitCode.mcpServer,
  McpEntryUnusable: ExitCode.mcpServer,
  McpServerUnavailable: ExitCode.mcpServer,
  McpLockFailed: ExitCode.mcpServer,
  OutputClosed: ExitCode.outputClosed
}

const ofLmsReason = (reason: string | undefined): ExitCode => {
  switch (reason) {
    case "NotRunning":
      return ExitCode.unreachable
    case "ModelNotFound":
    case "LoadRefused":
      return ExitCode.modelUnavailable
    case "BadArgument":
      return ExitCode.usage
    default:
      return ExitCode.failure
  }
}
