/** What happens in a run, as data, and the rules that make a state of it. Loads nothing that acts. */
export {
  AgentEvent,
  AgentEventJson,
  AgentOutcome,
  BudgetKind,
  CallRecord,
  ContextAccount,
  Problem,
  stamp,
  ToolChoice,
  type AgentEventBody
} from "./agent/rules/AgentEvent.ts"
export { AgentState } from "./agent/rules/AgentState.ts"
export { evolve, rebuilt } from "./agent/rules/Evolve.ts"
export * as OpenCalls from "./agent/rules/OpenCalls.ts"
