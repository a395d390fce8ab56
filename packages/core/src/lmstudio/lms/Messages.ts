/**
 * Parses the output of `lms`: results and errors are on stderr, stdout of `load` and `get` has spinner bytes (contract
 * F0).
 */
import type { LmsCliError } from "../LmsCliError.ts"
import type { GetProgress, LoadEstimate } from "../LmsModel.ts"

/**
 * The failure of a finished command, from its stderr: the exit code alone does not tell, since several failures exit 0
 * (contract F2).
 */
export type Complaint = Extract<LmsCliError["reason"], "ModelNotFound" | "LoadRefused" | "NotRunning" | "Exit">

/** The failure that a text reports; undefined when it reports none. */
export const complaintOf = (stderr: string): Complaint | undefined =>
  complaints.find(([pattern]) => pattern.test(stderr))?.[1]

/** Without colours, cursor movements and text that a carriage return has overwritten. */
export const plain = (text: string): string =>
  text
    .replace(ansi, "")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    .join("\n")

/** The last 500 characters of its output, for an error's `detail`. */
export const tail = (stderr: string): string => plain(stderr).trim().slice(-500)

/**
 * The last 500 characters of its output without the spinner and the progress bar, for an error's `detail`: redrawn
 * lines, such as `Loading KEY 42% ⠙`, are left out.
 */
export const printed = (stdout: string): string =>
  stdout
    .replace(ansi, "")
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line, at, all) => line !== "" && !spinner.test(line) && line !== all[at - 1])
    .join("\n")
    .trim()
    .slice(-500)

/**
 * `lms load --estimate-only`: figures as it prints them (`65.68 GiB`; older versions `GB`), and its verdict.
 * Undefined when there is no verdict.
 */
export const estimateOf = (stderr: string): LoadEstimate | undefined => {
  const text = plain(stderr)
  const verdict = /Estimate:\s*This model (may be loaded|will fail to load)/i.exec(text)
  return verdict === null
    ? undefined
    : {
        gpuBytes: bytesIn(/Estimated GPU Memory:\s*([\d.,]+)\s*([KMGT]?i?B)/i.exec(text)),
        totalBytes: bytesIn(/Estimated Total Memory:\s*([\d.,]+)\s*([KMGT]?i?B)/i.exec(text)),
        fits: verdict[1] === "may be loaded"
      }
}

/** A line of the progress bar of `lms get`: `[####] 12.34% | 1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10`. */
export const progressOf = (line: string): Extract<GetProgress, { readonly _tag: "Downloading" }> | undefined => {
  const match = /\]\s*(\d+(?:\.\d+)?)\s*%\s*(?:\|\s*(.*))?$/.exec(plain(line).trimEnd())
  return match === null
    ? undefined
    : { _tag: "Downloading", fraction: Math.min(1, Number(match[1]) / 100), detail: match[2]?.trim() ?? "" }
}

/**
 * The percentage in the last spinner line of a piece of the output of `lms load`: `Loading KEY 42% ⠙`. Older versions
 * print none.
 */
export const loadPercentOf = (piece: string): number | undefined => {
  const last = [...piece.matchAll(/ (\d{1,3})% \S\s*(?=\r|\n|$)/g)].at(-1)
  return last === undefined ? undefined : Math.min(100, Number(last[1]))
}

/** Whether `lms get` has finished its work, though it may not have exited. */
export const saysDownloaded = (stderr: string): boolean => /Download completed|already downloaded/i.test(stderr)

/** Whether `lms get` had nothing to do. */
export const saysAlreadyDownloaded = (stderr: string): boolean => /already downloaded/i.test(stderr)

/** The JSON output without what older versions print before it: lines before the first `[` or `{` at a line's start. */
export const jsonIn = (stdout: string): string => {
  const text = plain(stdout).trim()
  const start = text.search(/^[[{]/m)
  return start <= 0 ? text : text.slice(start)
}

/** Bytes of a figure such as `4.92 GiB` or `1,024.5 MB`. */
export const bytesOf = (figure: string, unit: string): number | undefined => {
  const value = Number(figure.replace(/,/g, ""))
  const scale = "BKMGT".indexOf(unit.charAt(0).toUpperCase())
  return Number.isFinite(value) && scale >= 0
    ? Math.round(value * (unit.includes("i") ? 1024 : 1000) ** scale)
    : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ansi = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g

/** Ends with a frame of the spinner, or is a progress bar. */
const spinner = /[\u2800-\u28ff]$|^\[[#=>. -]*\]\s*\d/

const complaints: ReadonlyArray<readonly [RegExp, Complaint]> = [
  [/insufficient system resources|model loading guardrails/i, "LoadRefused"],
  [
    /Model Not Found|No model found (?:that matches|with path)|Cannot find a model (?:with|matching)|No staff picks found|Cannot find variant|Model "[^"]*" not found/i,
    "ModelNotFound"
  ],
  [
    /Failed to start or connect to local LM Studio|daemon is not running|does not appear to be running at|Timed out waiting for LM Studio daemon|The server is not running/i,
    "NotRunning"
  ],
  [/^Invalid Usage$/im, "Exit"]
]

const bytesIn = (match: RegExpExecArray | null): number | undefined =>
  match?.[1] === undefined || match[2] === undefined ? undefined : bytesOf(match[1], match[2])
