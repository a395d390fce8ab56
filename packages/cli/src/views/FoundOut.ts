/**
 * What was found out about a model, as a table: one line for each build and capability.
 */
import type { Build, Evidence, EvidenceRow } from "@lms-bridge/core/ModelCatalog"
import * as DateTime from "effect/DateTime"
import * as Table from "./Table.ts"

export const render = (rows: ReadonlyArray<EvidenceRow>, columns?: number): string =>
  Table.render(
    ["CAN", "", "TRIED", "ON", "WITH"],
    rows.flatMap((row) =>
      row.unfinished === undefined
        ? Object.entries(row.evidence).map(([capability, evidence]) => [
            words[capability] ?? capability,
            evidence.holds ? "yes" : "no",
            counts(evidence),
            date(evidence.at),
            buildWords(row.build)
          ])
        : [["(not found out)", "", row.unfinished, date(row.at), buildWords(row.build)]]
    ),
    columns
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const words: Readonly<Record<string, string>> = {
  toolsInTemplate: "be told of tools by its template",
  toolCalls: "call tools (native)",
  parallelToolCalls: "make two calls at once",
  callsInText: "call tools in its text (text)",
  boundSteps: "work in bound steps (bound)",
  reasoning: "think before it replies"
}

const counts = ({ detail, trials, value }: Evidence) =>
  [`${value ?? 0} of ${trials}`, ...(detail === undefined ? [] : [detail])].join(", ")

const date = (at: number) => DateTime.formatIsoDateUtc(DateTime.unsafeMake(at))

const buildWords = ({ engine, quantization, template, variant }: Build) =>
  [variant ?? quantization, engine, ...(template === undefined ? [] : [`template ${template}`])]
    .filter((part) => part !== undefined)
    .join(", ")
