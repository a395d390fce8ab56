/** Error bodies of llama.cpp's server, whose code is the status as a number. */
import { ApiFault } from "../Reply.ts"

export const fault = (status: number, message: string, type = "invalid_request_error"): ApiFault =>
  new ApiFault({ status, body: { error: { code: status, message, type } } })

/** Of an unknown route, and of a load of an unknown model. */
export const notFound = fault(404, "File Not Found", "not_found_error")
