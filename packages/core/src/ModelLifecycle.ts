/** A model that is truly loaded, for how long, and who holds it. */
export { ModelLifecycle } from "./models/ModelLifecycle.ts"
export type { EnsureOptions, LoadProgress } from "./models/EnsureOptions.ts"
export { Ensured, LoadWay } from "./models/Ensured.ts"
export { LoadedModel, type ModelLease } from "./models/LoadedModel.ts"
export { ModelInUse, UnloadNotVerified, type ModelLifecycleError } from "./models/ModelLifecycleError.ts"
export type { Overloaded } from "./resilience/Overloaded.ts"
