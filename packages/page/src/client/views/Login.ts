/** Asks for the token of the server. */
import { useSignal } from "@preact/signals"
import { sentenceOf, send } from "../api.ts"
import { html } from "../html.ts"
import { connect } from "../state.ts"

export const Login = () => {
  const token = useSignal("")
  const problem = useSignal("")
  const submit = async (event: Event) => {
    event.preventDefault()
    try {
      await send("/login", { token: token.value })
      token.value = ""
      connect()
    } catch (error) {
      problem.value = sentenceOf(error)
    }
  }
  return html`<main class="login">
    <h1>lms-bridge</h1>
    <form onSubmit=${submit}>
      <label for="token">Token of this server</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        autofocus
        value=${token.value}
        onInput=${(event: InputEvent) => (token.value = (event.target as HTMLInputElement).value)}
      />
      <button type="submit">Log in</button>
      <p role="alert" class="problem">${problem.value}</p>
    </form>
    <p class="quiet">
      It is in <code>LMS_BRIDGE_HTTP_TOKEN</code>. Without one, take the newest link that <code>lms-bridge ui</code> or
      ${" "}<code>lms-bridge serve --http</code> has printed; each works once.
    </p>
  </main>`
}
