/** Logs, and who is served. */
export { CurrentCaller, withRequest } from "./observability/Correlation.ts"
export * as Logging from "./observability/Logging.ts"
