"""Says in a file's own metadata (XMP) that a trained model made it, as IPTC asks for."""

from __future__ import annotations

from xml.sax.saxutils import escape

from omote.engine.version import version

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PNG_KEYWORD = "XML:com.adobe.xmp"  # of the iTXt chunk that holds a packet
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
   <xmp:CreatorTool>{tool}</xmp:CreatorTool>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def creator() -> str:
    """The program that made it, as files name it."""
    return f"Omote {version()}"


def xmp() -> bytes:
    """The packet, UTF-8; always the same of one version of Omote, for it holds no time."""
    return _PACKET.format(source=GENERATED, tool=escape(creator())).encode()
