/**
 * Notices, while a reply streams in, that the model has written what it has to call: the reply can be ended there. What small
 * models write behind a call is the same call again, or a result that they make up.
 */

export interface FirstCall {
  /** Takes the next chunk; true once the calls are written and something else follows. */
  readonly push: (piece: string) => boolean
}

/** `isWritten` judges all the text so far. It is asked rarely, since each time may take as long as the text. */
export const make = (isWritten: (text: string) => boolean): FirstCall => {
  let text = ""
  let next = 0
  let closed = false
  return {
    push: (piece) => {
      text += piece
      closed ||= /[}>)\]]/.test(piece)
      if (!closed || text.length < next) return false
      next = text.length + Math.floor(text.length / 64)
      return isWritten(text)
    }
  }
}
