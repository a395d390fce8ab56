/** A task for a model, the loop that carries it out with the tools of a person's MCP servers, and evals over many tasks. */
export { AgentLoop, type Resumption } from "./agent/AgentLoop.ts"
export type { AgentError } from "./agent/AgentError.ts"
export { NoModelLeft } from "./agent/NoModelLeft.ts"
export { AgentTask, Attachment, Budgets, keptOf, ServerChoice } from "./agent/AgentTask.ts"
export { CurrentLoopPolicy, LoopPolicy } from "./agent/LoopPolicy.ts"
export { StopBetweenSteps } from "./agent/StopBetweenSteps.ts"
export { Doubted } from "./agent/Doubted.ts"
export { MustBeKept } from "./agent/MustBeKept.ts"
export { HandedOn, putOff } from "./agent/HandedOn.ts"
export * as Session from "./agent/Session.ts"
export { type Answer, CurrentApprover, type Approval, type ApprovalRequest } from "./agent/policy/Approval.ts"
export {
  allow as allowAlways,
  place as policyPlace,
  PolicyFile,
  PolicyInvalid,
  type PolicyPlace,
  UserPolicies
} from "./agent/policy/PolicyFile.ts"
export { CurrentToolPolicy, PolicyDecision, PolicyRule, ToolPolicy } from "./agent/policy/ToolPolicy.ts"
export { PresetName } from "./agent/presets/Preset.ts"
export { Presets, TokenMissing, type PresetError, type PresetUse } from "./agent/presets/Presets.ts"
export * as SchemaReview from "./agent/schema/SchemaReview.ts"
export * as ToolArguments from "./agent/schema/ToolArguments.ts"
export * as ToolSchema from "./agent/schema/ToolSchema.ts"
export { SkillNotFound } from "./skills/Skill.ts"
export { SkillsTravel } from "./skills/SkillsTravel.ts"
export { NoSuchTool } from "./agent/tools/ToolCatalog.ts"
export * as ToolResultText from "./agent/tools/ToolResultText.ts"
export { ToolForm } from "./agent/ToolForm.ts"
export * as Bench from "./evals/bench/Bench.ts"
export * as BenchReport from "./evals/bench/BenchReport.ts"
export * as BenchTasks from "./evals/bench/BenchTasks.ts"
export * as Eval from "./evals/Eval.ts"
export * as EvalFile from "./evals/EvalFile.ts"
export * as EvalSummary from "./evals/Summary.ts"
export * as EvalTrial from "./evals/Trial.ts"
export type { Source as EvalSource } from "./evals/TrialRuns.ts"
