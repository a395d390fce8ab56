/** Pictures of one word each, in black letters on white: PNG, one bit a pixel. The word stands in the title of the file, too. */

export interface Picture {
  readonly word: string
  readonly dataUrl: string
}

export const pictures: ReadonlyArray<Picture> = [
  {
    word: "LAMP",
    dataUrl:
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUAAAABwAQAAAABH5pQeAAAACnRFWHRUaXRsZQBMQU1QBHo8swAAAHJJREFUeNrt1rsNwCAMBNCLKDyGR8lorOaRGCAKMeTTJUoRkFDuCj7Wo0JYIL8MCAkJR4OIdVoBzDlJrZhvAmFLuEw+mCYEPxFNjwphayi+IOwBUXLBh6dA+A08b2bvPXrb7AkJR4MlQtgN8tdMSPhDuAFIot9GV0eqEgAAAABJRU5ErkJggg=="
  },
  {
    word: "RIVER",
    dataUrl:
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUAAAABwAQAAAABH5pQeAAAAC3RFWHRUaXRsZQBSSVZFUjip7NYAAACLSURBVHja7da9DYAgEAXgMxSWjMAojqajOYojUFr5BBXESGECDfFdA7n7qI4/wccQQkLCluAqLkbAinTANLiM2nxOdCgRVoUKoY4bHv2IGULChmHY7w/owiB/ZggL4asPSeaaEFaFboydwWxsj2Tp87InrAN9Q87XFVg0EF7X7CVFWAb5ayYk/CncAbPSYIDRWqS/AAAAAElFTkSuQmCC"
  },
  {
    word: "BREAD",
    dataUrl:
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUAAAABwAQAAAABH5pQeAAAAC3RFWHRUaXRsZQBCUkVBRFGJxrYAAACBSURBVHja7dYxDoAgDAXQEgdHjuBRPJoclWM4GL6tgThoooloQvwdCLRvawoIboYQEhK2BGfRmBB1dUCwU6cVkaGUCOtCTSOM0QNJdGP5ZIXoc4mQsGl4GIVeoQXhO7B0Zk9ftJCwDsTiCL+AeRTy3bO9rgWePsOEzyB/zYSEP4Urm6zavqoscF0AAAAASUVORK5CYII="
  }
]
