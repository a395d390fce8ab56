/** Which tools the requests of a run offered and why, and what each request contained. */
import type { Offer, RoundLine } from "../../Wire.ts"
import { html, memo } from "../html.ts"
import { Bar } from "../parts.ts"
import * as Words from "../words.ts"

export const Offers = memo(({ offers }: { readonly offers: ReadonlyArray<Offer> }) =>
  offers.length === 0
    ? html`<p class="quiet">None yet.</p>`
    : html`${offers.map(
        (offer, index) =>
          html`<div key=${index} class="offer">
            <h3>${offer.round === 0 ? "From the start" : `After round ${offer.round}`}</h3>
            <p class="quiet">${why(offer)}</p>
            <p class="chips">
              ${offer.tools.map(
                ({ name, rank }) =>
                  html`<span key=${name} class="chip"
                    >${name}${rank === undefined ? null : html` <small>${rank}.</small>`}</span
                  >`
              )}
            </p>
            ${
              offer.next.length === 0
                ? null
                : html`<p class="quiet">
                    Next in order, and not offered: ${offer.next.map(({ name }) => name).join(", ")}.
                  </p>`
            }
          </div>`
      )}`
)

export const Contexts = memo(({ rounds }: { readonly rounds: ReadonlyArray<RoundLine> }) =>
  rounds.length === 0
    ? html`<p class="quiet">No request yet.</p>`
    : html`<p class="legend">
          ${kinds.map(([kind, title]) => html`<span key=${kind}><i class=${kind} />${title}</span>`)}
        </p>
        <div class="wide">
          <table>
            <thead>
              <tr>
                <th>Round</th>
                <th>Context</th>
                <th class="n">Estimate</th>
                <th class="n">Read</th>
                <th class="n">Written</th>
                <th>Besides</th>
              </tr>
            </thead>
            <tbody>
              ${rounds.map((round, index) => html`<${Row} key=${index} round=${round} />`)}
            </tbody>
          </table>
        </div>`
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const kinds = [
  ["system", "system"],
  ["tools", "tools"],
  ["history", "history"],
  ["reserve", "kept for the reply"],
  ["free", "free"]
] as const

const why = ({ embeddings, estimatedTokens, limits, withheld }: Offer): string =>
  [
    `${Words.number(estimatedTokens)} tokens of definitions`,
    withheld === 0 ? "all tools fit" : `${Words.count(withheld, "tool")} left out`,
    ...(limits === undefined
      ? []
      : [
          `at most ${limits.count} tools${limits.tokens === undefined ? "" : ` and ${Words.number(limits.tokens)} tokens`}`
        ]),
    ...(withheld === 0
      ? []
      : [
          `in the order of how well they match the task${embeddings === undefined ? ", by words" : `, by words and ${embeddings}`}`
        ])
  ].join(" · ")

const Row = ({ round }: { readonly round: RoundLine }) => {
  const { account } = round
  const of = account?.contextLength ?? 0
  return html`<tr>
    <td data-name="Round">${round.round}${round.final ? ", for the answer" : ""}</td>
    <td data-name="Context" class="account">
      ${
        account === undefined
          ? "unknown"
          : html`<${Bar}
              label=${`of ${of}: ${kinds.map(([kind, title]) => `${title} ${account[kind]}`).join(", ")}`}
              parts=${kinds.map(([kind, title]) => ({ kind, share: account[kind] / of, title: `${title}: ${Words.number(account[kind])} tokens` }))}
            />`
      }
    </td>
    <td data-name="Estimate" class="n">${round.estimate === undefined ? "" : Words.number(round.estimate)}</td>
    <td data-name="Read" class="n">${round.counted === undefined ? "" : Words.number(round.counted)}</td>
    <td data-name="Written" class="n">${round.written === undefined ? "" : Words.number(round.written)}</td>
    <td data-name="Besides" class="quiet">${[...(account?.measures ?? []), ...round.events].join("; ")}</td>
  </tr>`
}
