/** Doubles of services that a test does not use: using one is a mistake of the test. */
import { Presets } from "@lms-bridge/core/agent/presets/Presets"
import { WorkingFolders } from "@lms-bridge/core/machine/WorkingFolders"
import { Images } from "@lms-bridge/core/images/Images"
import { Downloader } from "@lms-bridge/core/models/catalog/Downloader"
import { Embedder } from "@lms-bridge/core/models/catalog/Embedder"
import * as Layer from "effect/Layer"

export const layer: Layer.Layer<Presets | WorkingFolders | Images | Embedder | Downloader> = Layer.mergeAll(
  Layer.mock(Presets, {}),
  Layer.mock(WorkingFolders, {}),
  Layer.mock(Images, {}),
  Layer.mock(Embedder, {}),
  Layer.mock(Downloader, {})
)
