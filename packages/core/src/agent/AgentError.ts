/** What prevents a run from starting. */
import type { McpConnectError } from "../mcp/McpRegistry.ts"
import type { ModelLifecycleError } from "../models/ModelLifecycle.ts"
import type { PolicyInvalid } from "./policy/PolicyFile.ts"
import type { RunInProgress, RunNotFound } from "../runs/RunJournal.ts"
import type { NoSuchTool } from "./tools/ToolCatalog.ts"

/**
 * What prevents a run from starting: the model cannot be had, or a server or tool that was named is not there, the
 * policy cannot be used. Once the model has been asked, everything that goes wrong is told in the outcome.
 */
export type AgentError =
  | ModelLifecycleError
  | McpConnectError
  | NoSuchTool
  | PolicyInvalid
  | RunNotFound
  | RunInProgress
