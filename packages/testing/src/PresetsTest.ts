/**
 * Doubles of what a task works with, for tests in which no preset is used.
 *
 * @since 0.1.0
 */
import { Presets } from "@lms-bridge/core/agent/Presets"
import { WorkingFolders } from "@lms-bridge/core/agent/WorkingFolders"
import * as Layer from "effect/Layer"

/**
 * Using one of them is a mistake of the test.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUnused: Layer.Layer<Presets | WorkingFolders> = Layer.merge(
  Layer.mock(Presets, {}),
  Layer.mock(WorkingFolders, {})
)
