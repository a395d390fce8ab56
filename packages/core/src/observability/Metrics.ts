/**
 * The numbers that lms-bridge counts: one definition for each, with its meaning, unit and labels. Updating one costs less
 * than a microsecond; nothing is computed until somebody reads them (`Prometheus`).
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"

/**
 * A label is a model, a host, a server, a tool, a status or an error's tag; never a text, a path or the id of a run, of which
 * there is no end.
 */
export type Labels<Name extends string> = Readonly<Record<Name, string>>

interface Described<Name extends string> {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly description: string
  readonly labels: ReadonlyArray<Name>
}

export interface Counter<Name extends string> extends Described<Name> {
  readonly add: (labels: Labels<Name>, amount?: number) => void
}

export interface Histogram<Name extends string> extends Described<Name> {
  readonly observe: (labels: Labels<Name>, value: number) => void
}

export interface Gauge<Name extends string> extends Described<Name> {
  readonly set: (labels: Labels<Name>, value: number) => void
  readonly add: (labels: Labels<Name>, amount: number) => void
}

const labelled = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([name, value]) => MetricLabel.make(name, value))

const counter = <const Name extends string = never>(
  name: string,
  description: string,
  labels: ReadonlyArray<Name> = []
): Counter<Name> => {
  const metric = Metric.counter(name, { description, incremental: true })
  const add: Counter<Name>["add"] = (labels, amount = 1) => metric.unsafeUpdate(amount, labelled(labels))
  return { name, type: "counter", description, labels, add }
}

const histogram = <const Name extends string = never>(
  name: string,
  description: string,
  bounds: ReadonlyArray<number>,
  labels: ReadonlyArray<Name> = []
): Histogram<Name> => {
  const metric = Metric.histogram(name, MetricBoundaries.fromIterable(bounds), description)
  const observe: Histogram<Name>["observe"] = (labels, value) => metric.unsafeUpdate(value, labelled(labels))
  return { name, type: "histogram", description, labels, observe }
}

const gauge = <const Name extends string = never>(
  name: string,
  description: string,
  labels: ReadonlyArray<Name> = []
): Gauge<Name> => {
  const metric = Metric.gauge(name, { description })
  return {
    name,
    type: "gauge",
    description,
    labels,
    set: (labels, value) => metric.unsafeUpdate(value, labelled(labels)),
    add: (labels, amount) => metric.unsafeModify(amount, labelled(labels))
  }
}

const loads = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
const looks = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const tasks = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600]
const rounds = [1, 2, 3, 5, 10, 20, 50, 100, 1000]
const replies = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320]
const calls = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120]
const shares = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]

export const loadAttempts = counter("lms_model_load_attempts_total", "Loads of a model, by how they ended.", [
  "model",
  "result"
])
export const loadSeconds = histogram(
  "lms_model_load_duration_seconds",
  "Time of a load with its verification.",
  loads,
  ["model", "result"]
)
export const verifications = counter(
  "lms_model_verification_attempts_total",
  "Looks after a load whether the model is there.",
  ["model"]
)
export const verificationFailures = counter(
  "lms_model_verification_failures_total",
  "Loads that were reported as done and were not there as asked.",
  ["model", "reason"]
)
export const verificationSeconds = histogram(
  "lms_model_verification_duration_seconds",
  "Time until a loaded model was seen.",
  looks,
  ["model"]
)
export const activeModels = gauge("lms_active_models", "Models in memory, at the last look.", ["host"])
export const breakerState = gauge("lms_circuit_breaker_state", "0: calls go through, 1: one is let through, 2: none.", [
  "operation"
])
export const retries = counter("lms_retry_attempts_total", "Attempts after the first.", ["operation"])
export const evictions = counter("lms_evictions_total", "Models that lms-bridge unloaded, and why.", ["reason"])
export const taskSeconds = histogram("lms_autonomous_task_duration_seconds", "Time of a run.", tasks, ["status"])
export const taskRounds = histogram("lms_autonomous_task_rounds", "Requests to the model in a run.", rounds, ["status"])
export const runs = counter("lms_runs_total", "Runs that ended.", ["status", "model"])
export const runsActive = gauge("lms_runs_active", "Runs under way.")
export const queueDepth = gauge(
  "lms_queue_depth",
  "Requests that wait for a model; of a cluster, parts of runs that wait for a host.",
  ["model"]
)
export const queueOldest = gauge("lms_queue_oldest_seconds", "How long the oldest of them has waited.", ["model"])
export const hostSlots = gauge("lms_host_slots", "Runs that a host may carry out at once.", ["host"])
export const hostBusy = gauge("lms_host_busy", "Runs that a host carries out.", ["host"])
export const runRecoveries = counter("lms_run_recoveries_total", "Runs that were resumed.", ["kind"])
export const requestSeconds = histogram(
  "lms_model_request_duration_seconds",
  "Time of a request of a run, by how it ended.",
  replies,
  ["model", "result"]
)
export const requestFailures = counter("lms_model_request_failures_total", "Requests of a run without a whole reply.", [
  "model",
  "result"
])
export const firstTokenSeconds = histogram(
  "lms_model_time_to_first_token_seconds",
  "Time to the first piece of a reply.",
  replies,
  ["model"]
)
export const tokens = counter(
  "lms_model_tokens_total",
  "Tokens that the model read (input), of these again (reused) where the engine says so, and wrote (output).",
  ["model", "type"]
)
export const toolCalls = counter("lms_tool_calls_total", "Calls of tools by runs, and how they ended.", [
  "server",
  "tool",
  "result"
])
export const toolSeconds = histogram("lms_tool_call_duration_seconds", "Time of a tool call.", calls, [
  "server",
  "tool",
  "result"
])
export const contextFree = histogram(
  "lms_context_free_ratio",
  "Share of the context that a request left free.",
  shares,
  ["model"]
)
export const refusals = counter("lms_refused_total", "What was refused because a limit was reached.", ["reason"])
