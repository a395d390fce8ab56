/** A model that is truly loaded, for how long, and who holds it. */
export { ModelLifecycle } from "./models/ModelLifecycle.ts"
export type { EnsureOptions, LoadProgress } from "./models/EnsureOptions.ts"
export { Ensured, LoadWay } from "./models/Ensured.ts"
export { LoadedModel, type ModelLease } from "./models/LoadedModel.ts"
export { ModelInUse, UnloadNotVerified, type ModelLifecycleError } from "./models/ModelLifecycleError.ts"
export type { Overloaded } from "./resilience/Overloaded.ts"
export {
  currentAliases,
  ModelSwitch,
  AliasUnknown,
  SwitchFailed,
  type AliasNow,
  type Plan as SwitchPlan,
  type Step as SwitchStep,
  type Switched,
  type SwitchError,
  type SwitchOptions
} from "./models/ModelSwitch.ts"
export { AliasState, type Side as CanarySide } from "./models/aliases/AliasState.ts"
export { find as aliasOf, type Alias, type Aliases } from "./configuration/AliasSetting.ts"
export { type Host, Hosts, OnlyHost, sameHost } from "./models/hosts/Hosts.ts"
