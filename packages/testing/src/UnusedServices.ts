/** Doubles of services that a test does not use: using one is a mistake of the test. */
import { Presets } from "@lms-bridge/core/AgentLoop"
import { WorkingFolders } from "@lms-bridge/core/Machine"
import { Images } from "@lms-bridge/core/Images"
import { Downloader, Embedder, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import * as Layer from "effect/Layer"

export const layer: Layer.Layer<Presets | WorkingFolders | Images | Embedder | Downloader | ModelRegistry> =
  Layer.mergeAll(
    Layer.mock(Presets, {}),
    Layer.mock(WorkingFolders, {}),
    Layer.mock(Images, {}),
    Layer.mock(Embedder, {}),
    Layer.mock(Downloader, {}),
    Layer.mock(ModelRegistry, {})
  )
