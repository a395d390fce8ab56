/** Logs, and who is served. */
export { CurrentCaller, makeSessionId, sessionOf, withRequest } from "./observability/Correlation.ts"
export { CaptureContent } from "./observability/Attributes.ts"
export * as TraceContext from "./observability/TraceContext.ts"
export * as Exporting from "./observability/Exporting.ts"
export * as Prometheus from "./observability/Prometheus.ts"
export * as Metrics from "./observability/Metrics.ts"
export * as Logging from "./observability/Logging.ts"
