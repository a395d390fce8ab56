/** What the work of one flight came to. */
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import type { Ensured, LoadWay } from "../Ensured.ts"
import type { Seen } from "./LifecycleParts.ts"

export interface Outcome {
  readonly model: CatalogModel
  readonly seen: Seen
  readonly action: Ensured["action"]
  readonly way: LoadWay | undefined
  /** What was taken out of memory for it. */
  readonly pushedOut?: ReadonlyArray<string>
}
