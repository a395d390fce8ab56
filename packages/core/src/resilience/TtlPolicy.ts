/** How long a model that lms-bridge loads may stay idle in memory, as data. Every load has a limit. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * Idle time after which LM Studio (or our own reaper) unloads a model that we loaded. All durations in milliseconds; the
 * defaults are those of `Settings`.
 */
export class TtlPolicy extends Schema.Class<TtlPolicy>("@lms-bridge/core/resilience/TtlPolicy")({
  standard: Schema.DurationFromMillis,
  temporary: Schema.DurationFromMillis,
  maximum: Schema.DurationFromMillis
}) {}

/**
 * The idle time to load with: the requested one, else the default for the kind of use; at least one second (the smallest
 * that `lms load --ttl` accepts) and at most the policy's maximum.
 */
export const resolve = (
  policy: TtlPolicy,
  asked: { readonly ttl?: Duration.DurationInput | undefined; readonly temporary?: boolean | undefined }
): Duration.Duration =>
  Duration.clamp(asked.ttl ?? (asked.temporary === true ? policy.temporary : policy.standard), {
    minimum: "1 second",
    maximum: policy.maximum
  })
