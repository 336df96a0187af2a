/*
 * How models word a refusal. All of them say that the one who speaks cannot do what was asked, and name what was asked by
 * "that" or "your request" alone: "I cannot help with refunds after 30 days" may be the right answer of a shop. They are
 * matched against the beginning of lower-case text with single spaces and straight apostrophes.
 */

const SORRY =
  "(?:(?:(?:i'm|i am|we're|we are) )?(?:very |so |really )?sorry|(?:my |our )?apologies|i apologi[sz]e|unfortunately)[,.!;:]? ?";
const BUT = '(?:but |however,? |that )?';
const CANNOT =
  "(?:i|we)(?: (?:can't|cannot|can not|could not|couldn't|won't|will not|am not able to|am unable to|are not able to|are unable to|won't be able to|will not be able to|must decline to|have to decline to)|'(?:m|re) (?:not able|unable) to)";
const SERVE = '(?:help|assist|comply|fulfill?|engage|answer|respond|discuss|generate|create|write)';
const THAT =
  '(?:(?: you)?(?: with| to| on| in| about)? (?:that|this|it|your request|the request|(?:such|these|those) requests?|requests? like (?:this|that)|(?:that|this)(?: specific| particular| (?:type|kind|sort) of)? (?:request|question|task|topic|content|conversation|prompt|query|information|message)))';
const THE_END = '(?: at this time| here| further)?(?:$|[.!]|,? (?:as|because|since) )';
const FORBIDDEN =
  '(?:harmful|sexually explicit|explicit content|hate speech|hateful|self-harm|illegal act|illegal activit|unethical|promotes? (?:hate|violence|discrimination)|(?:content|usage|safety|use) polic(?:y|ies)|my (?:guidelines|programming))';

export const REFUSAL_WORDINGS: readonly RegExp[] = [
  // "I'm sorry, but I can't help with that."
  new RegExp(`^(?:${SORRY}${BUT})?${CANNOT} ${SERVE}${THAT}${THE_END}`),
  // "Sorry, I cannot comply."
  new RegExp(`^${SORRY}${BUT}${CANNOT} (?:help|assist|comply)(?:$|[.!])`),
  // "I can't create content that promotes violence."
  new RegExp(`^(?:${SORRY}${BUT})?${CANNOT} [^.!?]{0,120}${FORBIDDEN}`),
  // "As an AI language model, I cannot ..."
  new RegExp(
    `^(?:${SORRY}${BUT})?as an? (?:ai|artificial intelligence|(?:large )?language model)\\b[^,.!?]{0,40},? ${CANNOT} `,
  ),
  // "Sorry, this request violates our content policy."
  new RegExp(
    `^(?:${SORRY}${BUT})?(?:that|this|your)(?: request)? (?:goes against|violates|is against) (?:my|our|openai's|the) (?:guidelines|programming|(?:content|usage|safety|use) polic(?:y|ies))`,
  ),

  // German
  /^(?:(?:es )?tut mir (?:sehr )?leid|entschuldigung|leider)[,.!:]? (?:aber )?(?:ich kann|kann ich|ich darf|darf ich) (?:ihnen |dir )?(?:dabei|damit|hierbei|hiermit|(?:bei )?(?:diese|dieser|ihre|ihrer|deine|deiner) (?:anfrage|frage)) (?:leider )?nicht (?:weiter)?(?:helfen|behilflich sein|unterstützen|bearbeiten|beantworten|erfüllen|nachkommen)/,
  /^ich kann (?:ihnen |dir )?(?:leider )?(?:dabei|damit|hierbei|hiermit|diese anfrage|ihre anfrage|deine anfrage) (?:leider )?nicht (?:weiter)?(?:helfen|behilflich sein|unterstützen|bearbeiten|beantworten|erfüllen)/,
  // French
  /^(?:(?:je suis (?:vraiment )?désolée?|désolée?|je regrette|je m'excuse)[,.!:]? (?:mais )?)?je ne (?:peux pas|suis pas (?:en mesure de|capable d[e']|autorisée? à)) ?(?:vous |t'|te )?(?:aider|assister|répondre|traiter|accéder|satisfaire|faire)(?: à| avec| pour| sur| dans)? (?:cela|ça|(?:cette|votre|ta) (?:demande|requête|question)|ce sujet)/,
  // Spanish
  /^(?:(?:lo siento|lo lamento|disculpa|disculpe|perdón)[,.!:]? (?:pero )?)?no (?:puedo|podemos|me es posible) (?:ayudarte|ayudarle|ayudar|asistirte|asistirle|cumplir|responder|procesar|atender)(?: con| en| a)? (?:eso|esto|(?:esa|esta|tu|su) (?:solicitud|petición|pregunta))/,
  // Italian
  /^(?:(?:mi dispiace|spiacente|mi scuso)[,.!:]? (?:ma )?)?non posso (?:aiutarti|aiutarla|aiutare|assisterti|assisterla|soddisfare|rispondere|elaborare)(?: con| in| a)? (?:questo|ciò|(?:questa|la tua|la sua|tale) (?:richiesta|domanda))/,
  // Portuguese
  /^(?:(?:desculpe|desculpa|sinto muito|lamento)[,.!:]? (?:mas )?)?(?:eu )?não posso (?:ajudá-lo|ajudar|te ajudar|lhe ajudar|auxiliar|atender|responder|cumprir)(?: com| a| em)? (?:isso|isto|(?:essa|esta|sua) (?:solicitação|pergunta)|(?:esse|este|seu) pedido)/,
  // Dutch
  /^(?:(?:het spijt me|sorry|helaas)[,.!:]? (?:maar )?)?(?:ik kan|kan ik) (?:u |je )?(?:(?:daar|hier)(?:bij|mee) |(?:dit|dat|uw|je) verzoek )(?:helaas )?niet (?:helpen|verwerken|uitvoeren|inwilligen)/,
  // Polish
  /^(?:(?:przykro mi|przepraszam|niestety)[,.!:]? (?:ale )?)?nie mogę (?:(?:ci |panu |pani )?(?:w tym |z tym )?pomóc(?:$|[.!]| w tym| z tym)|(?:spełnić|zrealizować) tej prośby)/,
  // Russian
  /^(?:(?:извините|простите|к сожалению|мне жаль)[,.!:]? (?:но )?)?я не (?:могу|смогу) (?:(?:вам |тебе )?(?:с этим|в этом) помочь|помочь (?:вам |тебе )?(?:с этим|в этом)|(?:выполнить|ответить на) (?:этот|ваш|данный) (?:запрос|вопрос))/,
  // Chinese
  /^(?:(?:很|非常)?(?:抱歉|对不起|對不起)[,.!。 ]{0,2})?(?:但)?我(?:无法|無法|不能)(?:帮助|幫助|协助|協助|满足|滿足|回答|回應|回应|处理|處理|完成)(?:您|你)?的?(?:(?:这|這)?(?:个|個|项|項)?|该|該|此)(?:请求|請求|问题|問題|要求)/,
  // Japanese
  /^(?:(?:大変)?(?:申し訳ありません|申し訳ございません|すみません)が?[、。,. ]{0,2})?(?:その|この|そのような|このような)(?:ご?要望|ご?依頼|リクエスト|ご?質問)(?:に|には|を)(?:お応え|お答え|対応|お手伝い|回答)(?:すること)?(?:が|は)?(?:でき(?:ません|かねます)|いたしかねます)/,
  // Korean
  /^(?:(?:정말 )?(?:죄송합니다|죄송하지만|미안하지만)[,.만]{0,2} ?(?:하지만 )?)?(?:저는 )?(?:그|이|해당|이러한|그러한|요청하신) ?(?:요청|질문|내용)(?:에|은|는|을|를|에 대해|에 대해서는)? (?:도와드릴|답변해 ?드릴|답변할|응답할|들어드릴|처리할) 수 없습니다/,
];
