/**
 * Exit codes: the table that `--help` and the README show, and which failure ends with which code.
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
  [ExitCode.failure, "another failure"],
  [ExitCode.usage, "usage: an unknown option, a bad value, an unusable setting"],
  [ExitCode.unreachable, "LM Studio is not reachable"],
  [ExitCode.modelUnavailable, "the model is not available"],
  [ExitCode.budget, "a budget ended the run, or it went round in circles; the best answer is still printed"],
  [ExitCode.mcpServer, "an MCP server that is needed did not start, or does not exist"],
  [ExitCode.interrupted, "interrupted by Ctrl-C"],
  [ExitCode.outputClosed, "whoever read the output went away"],
  [ExitCode.terminated, "ended by SIGTERM or by its terminal closing"]
]

/** What a failure looks like from here: a stable tag, and for some tags a reason. */
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
      // a failed run has a code of its own even when the failure has none
      return outcome.problem === undefined ? ExitCode.failure : ofFailure({ _tag: outcome.problem.tag })
  }
}

/** Everything has been said already; only the code is left. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {
  readonly retryable = false
  override get message() {
    return `Ended with exit code ${this.code}.`
  }
}

/** The command line makes no sense; `problem` is a sentence. */
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
  PolicyInvalid: ExitCode.usage,
  RunNotFound: ExitCode.usage,
  RunAmbiguous: ExitCode.usage,
  CassetteInvalid: ExitCode.usage,
  CassetteNotWritten: ExitCode.usage,
  LmStudioUnreachable: ExitCode.unreachable,
  CircuitOpen: ExitCode.unreachable,
  ModelNotFound: ExitCode.modelUnavailable,
  ModelNotLoaded: ExitCode.modelUnavailable,
  ModelLoadRefused: ExitCode.modelUnavailable,
  ModelLoadFailed: ExitCode.modelUnavailable,
  ModelCrashed: ExitCode.modelUnavailable,
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
