/** LM Studio's own command line, `lms`. */
export { LmsCli } from "./lmstudio/LmsCli.ts"
export { LmsCliError, type LmsCallError } from "./lmstudio/LmsCliError.ts"
export {
  LmsInstance,
  LmsModel,
  type Application,
  type DaemonStatus,
  type GetProgress,
  type LmsLoad,
  type LmsVariants,
  type LoadEstimate,
  type LogEvent,
  type ServerStatus
} from "./lmstudio/LmsModel.ts"
