"""Agents: what acts and learns; an encoder, a network, a decoder and a modulator in one."""

if __name__ != "threefactor.agents":
    raise ImportError("this folder is threefactor.agents: import it by that name")
