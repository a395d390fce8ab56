// What is stored of the runs, and whether it is all that must be.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The calls that change something, as they began. */
export const changesIn = (effects) => effects.filter((line) => /^begin (note|noteslowly|wipe) /.test(line))

/** Whatever was full or gone: no call that changes something is made before its start is stored. */
export const unrecorded = (effects, events) => {
  const stored = new Set(
    events
      .filter(({ _tag }) => _tag === "ToolCallStarted")
      .map(({ arguments: { run, step }, tool }) => `begin ${tool} ${run} ${step}`)
  )
  return changesIn(effects)
    .filter((line) => !stored.has(line))
    .map((line) => `"${line}" was made, and is in no journal`)
}

const ofLine = (line) => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** The journals of one machine. `torn`: the events before and after each line that is none. */
export const journalsIn = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => {
      const lines = readFileSync(join(folder, name), "utf8")
        .split("\n")
        .filter((line) => line !== "")
      const all = lines.map(ofLine)
      const events = all.filter((event) => event !== undefined)
      const last = events.at(-1)
      return {
        runId: name.slice(0, -".jsonl".length),
        events,
        torn: all.flatMap((event, index) =>
          event === undefined ? [{ line: lines[index], next: all[index + 1] }] : []
        ),
        status: last?._tag === "RunFinished" ? last.outcome.status : (last?._tag ?? "nothing")
      }
    })

/** The program keeps 500 journals, and removes 50 more when there are more. */
export const kept = 450

/** `told`: what the person was told of each run, by its id. */
export const problemsOf = (journals, told) => {
  const stored = new Set(journals.map(({ runId }) => runId))
  return [
    ...journals.flatMap(({ events, runId, status, torn }) => {
      const problems = []
      // its start could not be stored, so nobody was given its id, and it did nothing
      if (status !== "done" && !(events.length === 0 && !told.has(runId))) {
        problems.push(`${runId} is ${status}, and the person was told ${told.get(runId) ?? "nothing"}`)
      }
      // a line is torn only where the process was killed in the middle of it: the next one began anew
      for (const { line, next } of torn) {
        if (events.length > 0 && next?._tag !== "RunResumed") {
          problems.push(`${runId} has a torn line before ${next?._tag ?? "its end"}: ${line.slice(0, 80)}`)
        }
      }
      if (events.some(({ seq }, index) => index > 0 && seq <= events[index - 1].seq)) {
        problems.push(`${runId} has events twice, or in another order`)
      }
      return problems
    }),
    ...[...told]
      .slice(-kept)
      .filter(([runId]) => !stored.has(runId))
      .map(([runId, status]) => `${runId} has no journal, and the person was told ${status}`)
  ]
}
