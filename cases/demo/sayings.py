"""What people say and write in the demo, in both languages: harmless, and said by nobody real."""

NOTES = {
    "en": {
        "promises": "Friendly talk. Pay day is near; a reminder on the day would be welcome.",
        "plan": "Smaller parts fit the household better. They read the schedule back to me.",
        "cannot_pay": "Hours were cut at work. Would like to hear from us again later this month.",
        "says_paid": "Paid from another account, they say. I will look for it.",
        "disputes": "Does not recognise the fee. A copy of the agreement should go out.",
        "refuses": "Would rather not talk about it now. I left it at that.",
        "call_back": "At work just now; evenings are better.",
        "ill_or_bereaved": "In hospital until next week. Wished them well.",
        "third_party": "A relative answered. I said nothing of the matter.",
        "lawyer": "A lawyer speaks for them; name and address follow by e-mail.",
        "deceased": "A family member told us. I expressed our condolences and ended the call.",
        "trace": "Looked through today's payments; nothing under this name yet.",
        "review": "Looked at the agreement and the ledger again; answered by letter.",
        "found": "They wrote to us from a new number.",
    },
    "zh-hans": {
        "promises": "沟通顺利，发工资日快到了，希望当天提醒一下。",
        "plan": "分成小额更合适，对方把日期都复述了一遍。",
        "cannot_pay": "工时减少了，希望月底再联系。",
        "says_paid": "说是从另一个账户付的，我来查一下。",
        "disputes": "对其中一笔费用有疑问，需要补寄合同副本。",
        "refuses": "现在不想谈，先不打扰。",
        "call_back": "正在上班，晚上方便一些。",
        "ill_or_bereaved": "住院到下周，祝早日康复。",
        "third_party": "家人接的电话，没有提及任何事项。",
        "lawyer": "已委托律师，姓名和地址稍后邮件告知。",
        "deceased": "家属告知本人已去世，表示慰问后结束通话。",
        "trace": "查了今天的到账，暂时没有找到这笔。",
        "review": "重新核对了合同和账目，已书面答复。",
        "found": "对方用新号码联系了我们。",
    },
}

COMPLAINTS = {
    "en": {
        "not_mine": "I never took out this loan. Please check who did.",
        "paid": "I paid this weeks ago and still get messages about it.",
        "amount": "The amount is higher than what I agreed to.",
        "too_often": "You have called me three times this week. That is too much.",
        "third_party": "You spoke with my sister. She should know nothing about this.",
        "tone": "The way I was spoken to made me feel small.",
        "privacy": "I want to know where you have my number from.",
        "wrong_time": "You called while I was at work, though I had asked you not to.",
        "credit_report": "My credit file says I am late, and I am not.",
        "other": "Nobody answers when I write to you.",
    },
    "zh-hans": {
        "not_mine": "这笔钱不是我借的，请你们查清楚。",
        "paid": "我几周前就还了，怎么还给我发消息。",
        "amount": "金额比我当初同意的多。",
        "too_often": "这周给我打了三次电话，太频繁了。",
        "third_party": "你们跟我姐姐说了这件事，她不应该知道。",
        "tone": "说话的语气让我很不舒服。",
        "privacy": "我想知道你们从哪里得到我的号码。",
        "wrong_time": "我说过上班时间别打，还是打来了。",
        "credit_report": "征信上写我逾期，可我没有逾期。",
        "other": "给你们写信一直没人回。",
    },
}

ANSWERS = {
    "en": {
        "upheld": "You are right, and we are sorry. We have put it in order and told everybody involved.",
        "partly_upheld": "We have looked into it. In part you are right; we have changed what was wrong.",
        "not_upheld": "We have looked into it carefully and found everything as agreed. The papers are enclosed.",
    },
    "zh-hans": {
        "upheld": "您说得对，非常抱歉。我们已经改正，并告知了相关人员。",
        "partly_upheld": "我们核查后认为您反映的部分属实，已对有误之处作了更正。",
        "not_upheld": "我们仔细核查后，未发现与约定不符之处，相关材料随信附上。",
    },
}
