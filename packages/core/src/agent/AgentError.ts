/** What prevents a run from starting. */
import type { DataFolderUnwritable } from "../machine/StateDirectory.ts"
import type { McpConnectError } from "../mcp/McpRegistry.ts"
import type { ModelLifecycleError } from "../models/ModelLifecycle.ts"
import type { PolicyInvalid } from "./policy/PolicyFile.ts"
import type { RunInProgress, RunNotFound, RunTakenOver } from "../runs/RunJournal.ts"
import type { SkillNotFound } from "../skills/Skill.ts"
import type { NoModelLeft } from "./NoModelLeft.ts"
import type { NoSuchTool } from "./tools/ToolCatalog.ts"

/**
 * What prevents a run from starting: the model cannot be loaded, a named server, tool or skill is not there, or the policy is
 * invalid. After the first request to the model, every failure is part of the outcome.
 */
export type AgentError =
  | NoModelLeft
  | ModelLifecycleError
  | McpConnectError
  | NoSuchTool
  | SkillNotFound
  | PolicyInvalid
  | DataFolderUnwritable
  | RunNotFound
  | RunInProgress
  | RunTakenOver
