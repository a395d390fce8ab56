/** The models on disk and in memory: names, which one fits, downloads, embeddings, what was tried of each. */
export { ModelCatalog } from "./models/catalog/ModelCatalog.ts"
export { Catalog, CatalogInstance, CatalogModel, FactSource } from "./models/catalog/CatalogModel.ts"
export * as Alternatives from "./models/catalog/Alternatives.ts"
export {
  Downloader,
  ModelDownloadFailed,
  type Downloaded,
  type DownloaderError,
  type DownloadProgress
} from "./models/catalog/Downloader.ts"
export { Embedder, type Embedded, type EmbedderError } from "./models/catalog/Embedder.ts"
export { ModelEvidence } from "./models/catalog/ModelEvidence.ts"
export * as ModelDownload from "./models/catalog/ModelDownload.ts"
export * as ContextFit from "./models/ContextFit.ts"
export { Ability, ModelUnfit } from "./models/ModelUnfit.ts"
export * as Recommended from "./models/catalog/Recommended.ts"
export * as ModelFit from "./models/catalog/ModelFit.ts"
export * as ModelSearch from "./models/catalog/ModelSearch.ts"
export * as ModelName from "./lmstudio/ModelName.ts"
export { Build, Evidence, EvidenceRow, isMeasure, type Capability, type Tally } from "./registry/Evidence.ts"
export * as Known from "./registry/Known.ts"
export * as KnownWords from "./registry/KnownWords.ts"
export { Fact } from "./registry/Known.ts"
export { formOf, type FoundForm } from "./registry/FormByEvidence.ts"
export { ModelRegistry, type Probed } from "./registry/ModelRegistry.ts"
