/**
 * Loading, unloading and downloading on native v1 (contract A4 to A7). The bodies are strict: unknown keys are refused.
 */
import * as Schema from "effect/Schema"
import type { ApiLoaded, DownloadStatus, LoadOptions } from "../ApiModel.ts"
import { Amount, Count, open, present } from "../../schema/Fields.ts"

export const encodeLoad = (key: string, options: LoadOptions): Record<string, unknown> =>
  present({
    model: key,
    context_length: options.contextLength,
    flash_attention: options.flashAttention,
    offload_kv_cache_to_gpu: options.offloadKvCacheToGpu,
    echo_load_config: true
  })

export const Loaded = Schema.Struct({
  instance_id: Schema.String,
  load_time_seconds: Amount,
  load_config: open(Schema.Struct({ context_length: Count }))
})

export const fromLoaded = (body: typeof Loaded.Type): ApiLoaded => ({
  instanceId: body.instance_id,
  loadTimeSeconds: body.load_time_seconds,
  contextLength: body.load_config?.context_length
})

export const Unloaded = Schema.Struct({ instance_id: Schema.String })

export const encodeDownload = (model: string, quantization: string | undefined): Record<string, unknown> =>
  present({ model, quantization })

/** A download, at its start and in progress. */
export const Download = Schema.Struct({
  status: Schema.String,
  job_id: open(Schema.String),
  total_size_bytes: Amount,
  downloaded_bytes: Amount,
  bytes_per_second: Amount
})

export const fromDownload = (body: typeof Download.Type): DownloadStatus => ({
  jobId: body.job_id,
  status: body.status,
  totalBytes: body.total_size_bytes,
  downloadedBytes: body.downloaded_bytes,
  bytesPerSecond: body.bytes_per_second
})
