/** Whether a run is carried out on another machine, where its skills do not lie. */
import * as Context from "effect/Context"

/** Then their texts go with it, as far as they fit. Not so by default. */
export class SkillsTravel extends Context.Reference<SkillsTravel>()("@lms-bridge/core/skills/SkillsTravel", {
  defaultValue: (): boolean => false
}) {}

/** Bytes of one skill, and of all skills of a run. */
export const mostOfOne = 32_768
export const mostOfAll = 65_536
